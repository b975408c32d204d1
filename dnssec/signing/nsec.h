/* Denial of existence by NSEC: links of the zone's chain (RFC 4034 4, RFC 4035 3.1.3), and compact
 * ones, made up for a single name (RFC 9824). Knows no store: the caller finds the neighbours. */
#ifndef DNSSEC_NSEC_H
#define DNSSEC_NSEC_H

#include "zone/names/rrset.h"

enum {
    /* RFC 4034 4.1.2: 256 windows of 256 types, each with its number, its length and at most 32
     * octets */
    NSEC_RDATA_MAX = DNAME_MAX + 256 * (2 + 32)
};

/* NSEC rdata: next name (lower case, uncompressed) and type bitmap; RRSIG and NSEC are added to
 * `types` (ascending, `count`) here. `out` is a packed rdata of one record in `scratch`. False if
 * the types don't ascend. */
bool nsec_rdata(const struct dname *next, const uint16_t *types, size_t count, uint32_t ttl,
                uint8_t scratch[NSEC_RDATA_MAX + 2], struct rrset *out);

/* The first name behind `name` that there could be, in the order of RFC 4034 6.1: the next name of
 * a compact NSEC, which so says nothing of any other (RFC 9824 3.1). That is \000.name; where it
 * does not fit, the next one along or above (RFC 4471 3.1.2), in the end the apex. `name` is the
 * apex or under it. Lower case. */
struct dname nsec_successor(const struct dname *name, const struct dname *apex);

#endif
