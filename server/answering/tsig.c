#include "server/answering/tsig.h"

#include "zone/names/rrset.h"

enum {
    TIME_LEN = 8, /* with the fudge */
    BADKEY = 17   /* 3 */
};

/* A name that may be compressed (RFC 1035 4.1.4). Pointers must lead further and further back. */
static bool read_name(struct dname *out, struct reader r)
{
    size_t used = 0, lowest = r.at;
    for (;;) {
        uint8_t len = read_u8(&r);
        if (len >= 192) {
            size_t target = (size_t)(len & 63) << 8 | read_u8(&r);
            if (target >= lowest) {
                return false;
            }
            lowest = r.at = target;
            continue;
        }
        const uint8_t *label = read_octets(&r, len);
        if (r.failed || len >= 64 || used + 1 + len > DNAME_MAX) {
            return false;
        }
        out->wire[used] = len;
        memcpy(out->wire + used + 1, label, len);
        used += 1u + len;
        if (len == 0) {
            out->len = (uint8_t)used;
            return true;
        }
    }
}

bool tsig_read(struct tsig *out, size_t owner_at, struct reader *r)
{
    struct dname owner, algorithm;
    struct reader name = *r;
    name.at = owner_at;
    uint16_t rclass = read_u16(r);
    uint32_t ttl = read_u32(r);
    uint16_t len = read_u16(r);
    const uint8_t *rdata = read_octets(r, len);
    if (rdata == NULL || rclass != RR_CLASS_ANY || ttl != 0) { /* 4.2 */
        return false;
    }
    struct reader own = reader_of(rdata, len);
    dname_read(&own, &algorithm);
    size_t algorithm_len = own.at;
    const uint8_t *time = read_octets(&own, TIME_LEN);
    (void)read_octets(&own, read_u16(&own)); /* MAC */
    uint16_t original_id = read_u16(&own);
    (void)read_u16(&own); /* error */
    (void)read_octets(&own, read_u16(&own));
    if (!reader_done(&own) || !read_name(&owner, name)) {
        return false;
    }
    *out = (struct tsig){ true, name, rdata, algorithm_len, time, original_id };
    return true;
}

bool tsig_write_badkey(struct writer *w, const struct tsig *tsig)
{
    struct dname owner;
    size_t start = wire_mark(w);
    if (!read_name(&owner, tsig->name)) {
        return false;
    }
    dname_write(w, &owner);
    write_u16(w, RR_TSIG);
    write_u16(w, RR_CLASS_ANY);
    write_u32(w, 0);
    write_u16(w, (uint16_t)(tsig->algorithm_len + TIME_LEN + 8));
    write_octets(w, tsig->algorithm, tsig->algorithm_len);
    write_octets(w, tsig->time, TIME_LEN);
    write_u16(w, 0); /* MAC */
    write_u16(w, tsig->original_id);
    write_u16(w, BADKEY);
    write_u16(w, 0);
    if (w->failed) {
        wire_rollback(w, start);
        return false;
    }
    return true;
}
