#include "server/dscheck.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <sodium.h>

enum {
    HEADER_LEN = 12,
    FLAG_RD = 0x0100,
    FLAG_AD = 0x0020,
    /* A validated answer without an error that is whole: QR and AD set; opcode, TC and RCODE zero. */
    FLAGS_MASK = 0xfa2f,
    FLAGS_GOOD = 0x8020,
    POINTER = 0xc0,
    DIGEST_SHA256 = 2,
    LABEL_LEN_MAX = 63
};

static size_t write_query(uint8_t *out, size_t room, uint16_t id, const struct dname *zone)
{
    struct writer w = writer_of(out, room);
    write_u16(&w, id);
    write_u16(&w, FLAG_RD | FLAG_AD); /* RFC 6840 5.7: AD in a query asks for AD */
    write_u16(&w, 1);
    write_u16(&w, 0);
    write_u16(&w, 0);
    write_u16(&w, 0);
    write_octets(&w, zone->wire, zone->len);
    write_u16(&w, RR_DS);
    write_u16(&w, RR_CLASS_IN);
    ASSERT(!w.failed);
    return w.at;
}

/* 0, or errno. */
static int exchange(int fd, struct ds_response *out, const struct dname *zone)
{
    uint8_t query[HEADER_LEN + DNAME_MAX + 4];
    size_t len = write_query(query, sizeof(query), out->id, zone);
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    if (send(fd, query, len, 0) != (ssize_t)len) {
        return errno;
    }
    int count = poll(&ready, 1, DSCHECK_TIMEOUT_MS);
    if (count <= 0) {
        return count == 0 ? ETIMEDOUT : errno;
    }
    ssize_t got = recv(fd, out->data, sizeof(out->data), 0);
    if (got < 0) {
        return errno;
    }
    out->len = (size_t)got;
    return 0;
}

enum result dscheck_ask(struct ds_response *out, const struct endpoint *resolver,
                        const struct dname *zone, struct diag *diag)
{
    struct sockaddr_storage to;
    socklen_t to_len = endpoint_to_sockaddr(resolver, &to);
    *out = (struct ds_response){ .id = (uint16_t)randombytes_random() };
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : 0;
    if (error == 0 && connect(fd, (const struct sockaddr *)&to, to_len) != 0) {
        error = errno;
    }
    if (error == 0) {
        error = exchange(fd, out, zone);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    char text[ADDRESS_TEXT_MAX];
    return error == 0
               ? RESULT_OK
               : diag_fail(diag, RESULT_SYSTEM,
                           "the resolver %s@%u (ds-resolver) can't be asked for the DS: %s",
                           address_text(&resolver->address, text), resolver->port, strerror(error));
}

/* Steps over an owner. True if it is the question's name, written out or as a pointer to it (RFC 1035 4.1.4). */
static bool is_own_name(struct reader *r, const struct dname *zone)
{
    size_t start = r->at;
    for (uint8_t len = read_u8(r); len != 0 && !r->failed; len = read_u8(r)) {
        if (len >= POINTER) {
            return read_u8(r) == HEADER_LEN && r->at == start + 2;
        }
        r->failed = r->failed || len > LABEL_LEN_MAX;
        (void)read_octets(r, len);
    }
    struct dname owner = { .len = 0 };
    struct reader again = reader_of(r->data + start, r->failed ? 0 : r->at - start);
    dname_read(&again, &owner);
    return !again.failed && dname_equal(&owner, zone);
}

/* Notes for which of the keys this is the DS. False if it is none of theirs. */
static bool note_ds(const struct key_set *keys, const struct dname *zone, const uint8_t *rdata,
                    size_t len, bool seen[KEYSTORE_MAX])
{
    bool known = false;
    for (size_t i = 0; i < keys->count; i++) {
        uint8_t ds[KEY_DS_LEN];
        key_record_ds(&keys->list[i], zone, ds);
        if (!facet_is_on(&keys->list[i].life.ds) || len < 4 || memcmp(rdata, ds, 3) != 0) {
            continue;
        }
        known = true; /* tag and algorithm are right, so it may be a digest of another type */
        seen[i] = seen[i] || (len == sizeof(ds) && memcmp(rdata, ds, sizeof(ds)) == 0);
    }
    return known;
}

/* The header and the question. Returns the number of answers; fails the reader if the response is not one to our query. */
static unsigned read_head(struct reader *r, uint16_t id, const struct dname *zone)
{
    struct dname question = { .len = 0 };
    bool good = read_u16(r) == id;
    good = (read_u16(r) & FLAGS_MASK) == FLAGS_GOOD && good;
    good = read_u16(r) == 1 && good;
    unsigned answers = read_u16(r);
    (void)read_u32(r);
    dname_read(r, &question);
    good = read_u16(r) == RR_DS && good;
    good = read_u16(r) == RR_CLASS_IN && good;
    r->failed = r->failed || !good || !dname_equal(&question, zone);
    return answers;
}

bool dscheck_is_as_asked(const struct ds_response *response, const struct dname *zone,
                         const struct key_set *keys)
{
    struct reader r = reader_of(response->data, response->len);
    bool seen[KEYSTORE_MAX] = { false };
    unsigned answers = read_head(&r, response->id, zone);
    for (unsigned i = 0; i < answers && !r.failed; i++) {
        bool own = is_own_name(&r, zone);
        bool ds = read_u16(&r) == RR_DS;
        ds = read_u16(&r) == RR_CLASS_IN && ds && own;
        (void)read_u32(&r);
        uint16_t len = read_u16(&r);
        const uint8_t *rdata = read_octets(&r, len);
        if (ds && !r.failed && !note_ds(keys, zone, rdata, len, seen)) {
            return false;
        }
    }
    for (size_t i = 0; i < keys->count; i++) {
        r.failed = r.failed || (facet_is_on(&keys->list[i].life.ds) && !seen[i]);
    }
    return !r.failed;
}
