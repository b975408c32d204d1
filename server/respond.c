#include "server/respond.h"

enum {
    OPT_LEN = 11,
    QUESTION_AT = DNS_HEADER_LEN,
    POINTER = 0xc000
};

size_t respond_udp_limit(const struct query *query)
{
    return query->udp_size < DNS_UDP_MAX ? query->udp_size : DNS_UDP_MAX;
}

static size_t subnet_octets(const struct query *query)
{
    return (query->subnet.source + 7u) / 8u;
}

static size_t opt_len(const struct query *query)
{
    if (!query->edns) {
        return 0;
    }
    return OPT_LEN + (query->subnet.present ? 4 + 4 + subnet_octets(query) : 0);
}

/* RFC 6891 6.1.2; the subnet is echoed with the scope of the answer (RFC 7871 7.2.1). */
static void write_opt(struct writer *w, const struct query *query, enum rcode rcode, uint8_t scope)
{
    if (!query->edns) {
        return;
    }
    write_u8(w, 0); /* root */
    write_u16(w, RR_OPT);
    write_u16(w, DNS_UDP_MAX);
    write_u8(w, (uint8_t)(rcode >> 4));
    write_u8(w, 0); /* version */
    write_u16(w, query->dnssec_ok ? EDNS_DO : 0);
    if (!query->subnet.present) {
        write_u16(w, 0);
        return;
    }
    size_t octets = subnet_octets(query);
    write_u16(w, (uint16_t)(4 + 4 + octets));
    write_u16(w, EDNS_OPTION_ECS);
    write_u16(w, (uint16_t)(4 + octets));
    write_u16(w, query->subnet.family);
    write_u8(w, query->subnet.source);
    write_u8(w, scope);
    bool v4 = query->subnet.family == 1;
    write_octets(w, query->subnet.address.octets + (v4 ? 12 : 0), octets);
}

/* What one response is written from. */
struct response {
    const struct query *query;
    const struct answer *answer;
    struct signer *signer;
    uint64_t now;
};

/* Header with empty sections, and the question. AD and CD are clear in an authoritative answer (RFC 4035 3.1.6), RA too. */
static void write_head(struct writer *w, const struct query *query, enum rcode rcode,
                       uint16_t flags)
{
    uint16_t kept = query->flags & (DNS_FLAG_RD | DNS_OPCODE_MASK << DNS_OPCODE_SHIFT);
    write_u16(w, query->id);
    write_u16(w, (uint16_t)(DNS_FLAG_QR | kept | flags | (rcode & 0xf)));
    write_u16(w, query->has_question ? 1 : 0);
    write_u16(w, 0);
    write_u16(w, 0);
    write_u16(w, query->edns ? 1 : 0);
    if (query->has_question) {
        dname_write(w, &query->qname);
        write_u16(w, query->qtype);
        write_u16(w, query->qclass);
    }
}

static void put_count(struct writer *w, size_t section, uint16_t count)
{
    wire_put_u16(w->data + 4 + 2 * section, count);
}

/* The owner as a pointer to the question where it is the same name; else its labels down to the apex, and a pointer to the apex in the question
 * (RFC 1035 4.1.4): both are in the zone. */
static void write_owner(struct writer *w, const struct response *response,
                        const struct dname *owner)
{
    const struct dname *qname = &response->query->qname;
    size_t apex_len = response->answer->apex->len;
    if (owner == qname) {
        write_u16(w, POINTER | QUESTION_AT);
        return;
    }
    write_octets(w, owner->wire, owner->len - apex_len);
    write_u16(w, (uint16_t)(POINTER | (QUESTION_AT + qname->len - apex_len)));
}

/* A name in rdata, compressed like an owner if it is in the zone. Returns its length in `rdata`, 0 if
 * there is none. */
static size_t write_rdata_name(struct writer *w, const struct response *response,
                               const uint8_t *rdata, size_t len)
{
    struct reader r = reader_of(rdata, len);
    struct dname name;
    dname_read(&r, &name);
    if (r.failed) { /* a damaged row: as it stands */
        return 0;
    }
    if (dname_under(&name, response->answer->apex)) {
        write_owner(w, response, &name);
    } else {
        dname_write(w, &name);
    }
    return r.at;
}

/* Only the types of RFC 1035 may have compressed names in their rdata (RFC 3597 4); of those, the ones that pools have. */
static void write_rdata(struct writer *w, const struct response *response, uint16_t type,
                        const uint8_t *rdata, size_t len)
{
    size_t at = 0;
    switch (type) {
    case RR_NS:
    case RR_CNAME:
        at = write_rdata_name(w, response, rdata, len);
        break;
    case RR_SOA:
        at = write_rdata_name(w, response, rdata, len);
        at += write_rdata_name(w, response, rdata + at, len - at);
        break;
    default:
        break;
    }
    write_octets(w, rdata + at, len - at);
}

static void write_record(struct writer *w, const struct response *response,
                         const struct dname *owner, const struct rrset *set, const uint8_t *rdata,
                         uint16_t len)
{
    write_owner(w, response, owner);
    uint8_t *fixed = write_room(w, 10);
    if (fixed == NULL) {
        return;
    }
    size_t begin = wire_mark(w);
    write_rdata(w, response, set->type, rdata, len);
    wire_put_u16(fixed, set->type);
    wire_put_u16(fixed + 2, RR_CLASS_IN);
    wire_put_u32(fixed + 4, set->ttl);
    wire_put_u16(fixed + 8, (uint16_t)(w->at - begin));
}

/* Writes the records of a set, beginning with number `first`. Returns how many. */
static uint16_t write_set(struct writer *w, const struct response *response,
                          const struct dname *owner, const struct rrset *set, uint16_t first)
{
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    size_t at = 0;
    for (uint16_t i = 0; i < first && rrset_next(set, &at, &rdata, &len); i++) {
    }
    size_t begin = at;
    while (rrset_next(set, &at, &rdata, &len)) {
        write_record(w, response, owner, set, rdata, len);
    }
    at = 0;
    while (at < begin && rrset_next(set, &at, &rdata, &len)) {
        write_record(w, response, owner, set, rdata, len);
    }
    return set->count;
}

/* One section's sets, each followed by its signatures. False if a signature can't be had. */
static bool write_section(struct writer *w, const struct response *response, unsigned section)
{
    const struct answer *answer = response->answer;
    bool is_answer = section == 1;
    bool only_signatures = is_answer && answer->signatures_only;
    unsigned end = is_answer ? answer->answer_count : answer->total;
    uint16_t count = 0;
    for (unsigned i = is_answer ? 0 : answer->answer_count; i < end && !w->failed; i++) {
        const struct answer_rrset *entry = &answer->sets[i];
        if (!only_signatures) {
            count =
                (uint16_t)(count + write_set(w, response, entry->owner, &entry->set, entry->first));
        }
        if (response->query->dnssec_ok || only_signatures) {
            uint8_t scratch[SIGNER_SCRATCH];
            struct rrset signatures;
            if (signer_sign(response->signer, entry->owner, &entry->set, response->now, scratch,
                            &signatures) != RESULT_OK) {
                return false;
            }
            count = (uint16_t)(count + write_set(w, response, entry->owner, &signatures, 0));
        }
    }
    put_count(w, section, count);
    return true;
}

size_t respond_answer(const struct query *query, const struct answer *answer, struct signer *signer,
                      uint64_t now, uint8_t *out, size_t limit)
{
    if (answer->rcode != RCODE_NOERROR && answer->rcode != RCODE_NXDOMAIN) {
        return respond_reject(query, answer->rcode, out, limit);
    }
    const struct response response = { query, answer, signer, now };
    struct writer w = writer_of(out, limit - opt_len(query));
    write_head(&w, query, answer->rcode, DNS_FLAG_AA);
    size_t body = wire_mark(&w);
    if (!write_section(&w, &response, 1) || !write_section(&w, &response, 2)) {
        return respond_reject(query, RCODE_SERVFAIL, out, limit);
    }
    if (w.failed) {
        wire_rollback(&w, body);
        out[2] |= DNS_FLAG_TC >> 8;
        put_count(&w, 1, 0);
        put_count(&w, 2, 0);
    }
    w.len = limit;
    write_opt(&w, query, answer->rcode, answer->scope);
    ASSERT(!w.failed);
    return w.at;
}

size_t respond_reject(const struct query *query, enum rcode rcode, uint8_t *out, size_t limit)
{
    struct writer w = writer_of(out, limit);
    write_head(&w, query, rcode, 0);
    write_opt(&w, query, rcode, 0);
    ASSERT(!w.failed); /* header, question and OPT are under 512 octets */
    return w.at;
}

enum rcode respond_rcode(const uint8_t *response)
{
    return (enum rcode)(response[3] & 0xf);
}
