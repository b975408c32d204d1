/* An RRset without its owner name: the unit that is answered, signed and stored.
 *
 * `rdata` is packed: `count` times [u16 length][octets], in canonical order (RFC 4034 6.3), without
 * duplicates; names inside are lower case and uncompressed. So it can be signed and written as it
 * is. A struct rrset does not own its octets: the function that fills it says how long they are
 * valid. */
#ifndef ZONE_RRSET_H
#define ZONE_RRSET_H

#include "zone/names/dname.h"

enum rr_type {
    RR_A = 1,
    RR_NS = 2,
    RR_CNAME = 5,
    RR_SOA = 6,
    RR_MX = 15,
    RR_TXT = 16,
    RR_AAAA = 28,
    RR_SRV = 33,
    RR_DNAME = 39,
    RR_OPT = 41,
    RR_DS = 43,
    RR_RRSIG = 46,
    RR_NSEC = 47,
    RR_DNSKEY = 48,
    RR_NSEC3 = 50,
    RR_NSEC3PARAM = 51,
    RR_CDS = 59,
    RR_CDNSKEY = 60,
    RR_DSYNC = 66,
    RR_NXNAME = 128,
    RR_TSIG = 250,
    RR_IXFR = 251,
    RR_AXFR = 252,
    RR_ANY = 255,
    RR_CAA = 257
};

enum {
    RR_CLASS_IN = 1,
    RR_CLASS_CH = 3,
    RR_CLASS_ANY = 255
};

struct rrset {
    uint16_t type;
    uint16_t count;
    uint32_t ttl; /* seconds */
    const uint8_t *rdata;
    size_t rdata_len;
};

/* Collects rdata and packs it in order. Bounded: `room` octets of rdata, RRSET_RECORDS_MAX
 * records. */
enum {
    RRSET_RECORDS_MAX = 64
};
struct rrset_builder {
    uint16_t type;
    uint32_t ttl;
    uint16_t count;
    bool failed;
    uint16_t offset[RRSET_RECORDS_MAX]; /* offsets of [u16 length][octets] in `data` */
    size_t used;
    size_t room;
    uint8_t *data;
};
void rrset_begin(struct rrset_builder *b, uint16_t type, uint32_t ttl, uint8_t *data, size_t room);
void rrset_add(struct rrset_builder *b, const void *rdata, size_t len);
/* Sorts, removes duplicates and packs in place; `out` points into the builder's data. False if
 * something did not fit or there is no record. */
bool rrset_end(struct rrset_builder *b, struct rrset *out);

/* Steps through packed rdata, from `at` = 0 on. False at the end. The set must be well-formed
 * (rrset_check). */
bool rrset_next(const struct rrset *set, size_t *at, const uint8_t **rdata, uint16_t *len);
/* True if the packing is consistent: for data read from a store. */
bool rrset_check(const struct rrset *set);

#endif
