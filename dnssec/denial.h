/* Denial of existence by NSEC (RFC 4034 4, RFC 4035 3.1.3). Knows no store: the caller finds the neighbours. */
#ifndef DNSSEC_DENIAL_H
#define DNSSEC_DENIAL_H

#include "zone/rrset.h"

enum {
    DENIAL_NSEC_MAX = DNAME_MAX + 2 * 34 + 4 * 34,
    DENIAL_TYPES_MAX = 64
};

/* NSEC rdata: next name (lower case, uncompressed) and type bitmap; RRSIG and NSEC are added to `types` (ascending, `count`) here.
 * `out` is a packed rdata of one record in `scratch`. */
bool denial_nsec(const struct dname *next, const uint16_t *types, size_t count, uint32_t ttl,
                 uint8_t scratch[DENIAL_NSEC_MAX + 2], struct rrset *out);

#endif
