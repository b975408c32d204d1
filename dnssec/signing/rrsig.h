/* RRSIG rdata (RFC 4034 3.1) and what a signature covers (RFC 4034 3.1.8.1). */
#ifndef DNSSEC_RRSIG_H
#define DNSSEC_RRSIG_H

#include "zone/names/rrset.h"

/* Offsets in RRSIG rdata. */
enum {
    RRSIG_TYPE = 0,
    RRSIG_ALGORITHM = 2,
    RRSIG_LABELS = 3,
    RRSIG_TTL = 4,
    RRSIG_EXPIRATION = 8,
    RRSIG_INCEPTION = 12,
    RRSIG_TAG = 16,
    RRSIG_SIGNER = 18
};
enum {
    RRSIG_PREFIX_MAX = RRSIG_SIGNER + DNAME_MAX, /* rdata without the signature */
    RRSIG_BACKDATE_S = 3600 /* the inception is this far in the past: validators' clocks are off */
};

/* The Labels field: it counts neither the root nor a leftmost `*`, not even in the NSEC of the name
 * `*` itself (RFC 4034 3.1.3). */
uint8_t rrsig_labels(const struct dname *owner);
/* Writes the octets that are signed: the prefix (rdata without the signature, signer's name in
 * lower case), then each record in canonical form. */
void rrsig_write_signed(struct writer *w, const uint8_t *prefix, size_t prefix_len,
                        const struct dname *owner, const struct rrset *set);

#endif
