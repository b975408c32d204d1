/* NSEC records: those of the zone's chain (RFC 4034 4, RFC 4035 3.1.3), and those of compact
 * denial, made for a single name (RFC 9824). The caller finds the neighbours. */
#ifndef DNSSEC_NSEC_H
#define DNSSEC_NSEC_H

#include "zone/names/rrset.h"

enum {
    /* RFC 4034 4.1.2: 256 windows of 256 types, each with number, length and at most 32 octets */
    NSEC_RDATA_MAX = DNAME_MAX + 256 * (2 + 32)
};

/* Makes an NSEC RRset of one record in `scratch`: the next name (lower case, uncompressed) and the
 * type bitmap. `types` ascends; RRSIG and NSEC are added. False if it does not ascend. */
bool nsec_rdata(const struct dname *next, const uint16_t *types, size_t count, uint32_t ttl,
                uint8_t scratch[NSEC_RDATA_MAX + 2], struct rrset *out);

/* The immediate successor of `name` in canonical order (RFC 4034 6.1), in lower case. As the next
 * name of a compact NSEC it covers no other name (RFC 9824 3.1). It is \000.name. If that is too
 * long, the first label is lengthened by a zero octet or incremented; if neither is possible, the
 * same is tried at the parent, up to the apex (RFC 4471 3.1.2). `name` is the apex or below it. */
struct dname nsec_successor(const struct dname *name, const struct dname *apex);

#endif
