#include "server/keys/dsync.h"

#include <sodium.h>

#include "zone/names/rrset.h"

enum {
    SCHEME_NOTIFY = 1,
    FLAGS_NOTIFY = 4 << 11 | 0x0400, /* opcode 4, AA: RFC 1996 4.5 */
    FLAG_QR = 0x8000,
    OPCODE_MASK = 0x7800,
    RCODE_MASK = 0x000f,
    LOOKUPS_MAX = 3, /* RFC 9859 4.1 has no more */
    IPV4_LEN = 4
};

static const char label[] = "_dsync";

/* Puts `_dsync` between the first `count` labels of the zone and the rest. */
static bool insert(struct dname *out, const struct dname *zone, unsigned count)
{
    struct dname rest = dname_parent(zone, count);
    size_t front = (size_t)(zone->len - rest.len);
    if (dname_prepend(&rest, label, sizeof(label) - 1, &rest) != RESULT_OK ||
        front + rest.len > DNAME_MAX) {
        return false;
    }
    memcpy(out->wire, zone->wire, front);
    memcpy(out->wire + front, rest.wire, rest.len);
    out->len = (uint8_t)(front + rest.len);
    return true;
}

bool dsync_next_name(struct dname *lookup, const struct dname *zone, const struct dname *parent)
{
    struct dname by_zone, by_parent;
    unsigned labels = dname_labels(zone);
    if (labels == 0 || !insert(&by_zone, zone, 1)) {
        return false;
    }
    if (lookup->len == 0) {
        *lookup = by_zone;
        return true;
    }
    if (!dname_under(zone, parent) || dname_equal(zone, parent)) {
        return false;
    }
    unsigned above = labels - dname_labels(parent);
    if (!insert(&by_parent, zone, above)) {
        return false;
    }
    struct dname bare = dname_parent(&by_parent, above);
    if (dname_equal(lookup, &bare)) {
        return false;
    }
    *lookup = dname_equal(lookup, &by_parent) ? bare : by_parent;
    return true;
}

/* RDATA: type, scheme, port, target (RFC 9859 2.1). */
static bool read_record(const struct stub_record *record, struct dname *target, uint16_t *port)
{
    struct reader r = reader_of(record->rdata, record->len);
    uint16_t type = read_u16(&r);
    uint8_t scheme = read_u8(&r);
    *port = read_u16(&r);
    dname_read(&r, target);
    return !r.failed && reader_left(&r) == 0 && type == RR_CDS && scheme == SCHEME_NOTIFY &&
           *port != 0 && target->len > 1;
}

bool dsync_record(const struct stub_response *response, const struct stub_question *question,
                  struct dname *target, uint16_t *port)
{
    struct stub_reading reading;
    struct stub_record record;
    stub_begin(&reading, response, question);
    while (reading.validated && stub_next(&reading, &record)) {
        if (record.is_answer && record.type == RR_DSYNC && read_record(&record, target, port)) {
            return true;
        }
    }
    return false;
}

/* The zone that a validated negative answer is from. */
static bool find_soa(const struct stub_response *response, const struct stub_question *question,
                     struct dname *owner)
{
    struct stub_reading reading;
    struct stub_record record;
    stub_begin(&reading, response, question);
    while (reading.validated && stub_next(&reading, &record)) {
        if (!record.is_answer && record.type == RR_SOA) {
            *owner = record.owner;
            return true;
        }
    }
    return false;
}

/* An address of the target, IPv4 if it has one. */
static enum result resolve(struct address *out, const struct endpoint *resolver,
                           const struct dname *target, struct diag *diag)
{
    static const uint16_t types[] = { RR_A, RR_AAAA };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const struct stub_question question = { .name = *target, .type = types[i] };
        struct stub_response response;
        struct stub_reading reading;
        struct stub_record record;
        TRY(stub_ask(&response, resolver, &question, diag));
        stub_begin(&reading, &response, &question);
        while (stub_next(&reading, &record)) {
            if (!record.is_answer || record.type != types[i]) {
                continue;
            }
            if (record.type == RR_A && record.len == IPV4_LEN) {
                *out = address_from_ipv4(record.rdata);
                return RESULT_OK;
            }
            if (record.type == RR_AAAA && record.len == sizeof(out->octets)) {
                memcpy(out->octets, record.rdata, sizeof(out->octets));
                return RESULT_OK;
            }
        }
    }
    char text[DNAME_TEXT_MAX];
    return diag_fail(diag, RESULT_INVALID,
                     "the parent wants to be notified at %s, which has no address",
                     dname_text(target, text));
}

enum result dsync_find(struct endpoint *out, struct dname *target, const struct endpoint *resolver,
                       const struct dname *zone, struct diag *diag)
{
    struct stub_question question = { .type = RR_DSYNC };
    struct dname parent = { .len = 0 };
    for (unsigned i = 0; i < LOOKUPS_MAX && dsync_next_name(&question.name, zone, &parent); i++) {
        struct stub_response response;
        TRY(stub_ask(&response, resolver, &question, diag));
        if (dsync_record(&response, &question, target, &out->port)) {
            return resolve(&out->address, resolver, target, diag);
        }
        if (!find_soa(&response, &question, &parent)) {
            break;
        }
    }
    return RESULT_NOT_FOUND;
}

enum result dsync_notify(const struct endpoint *to, const struct dname *zone, struct diag *diag)
{
    uint8_t message[STUB_QUERY_ROOM];
    struct stub_response response = { .id = (uint16_t)randombytes_random() };
    const struct stub_question question = { .name = *zone, .type = RR_CDS };
    size_t len = stub_write(message, response.id, FLAGS_NOTIFY, &question);
    char text[ADDRESS_TEXT_MAX];
    int error = stub_exchange(&response, to, message, len);
    if (error != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "the parent can't be notified of CDS at %s@%u: %s",
                         address_text(&to->address, text), to->port, strerror(error));
    }
    struct reader r = reader_of(response.data, response.len);
    bool good = read_u16(&r) == response.id;
    unsigned flags = read_u16(&r);
    good = !r.failed && good && (flags & (FLAG_QR | OPCODE_MASK)) == (FLAG_QR | 4 << 11);
    if (!good || (flags & RCODE_MASK) != 0) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the parent, at %s@%u, does not take the notification of CDS (RCODE %u)",
                         address_text(&to->address, text), to->port, flags & RCODE_MASK);
    }
    return RESULT_OK;
}
