/* Verifies signatures that came from outside: of answers, not of our own signer. */
#ifndef DNSSEC_RRSIG_VERIFY_H
#define DNSSEC_RRSIG_VERIFY_H

#include "zone/names/rrset.h"

/* RRSIG rdata (RFC 4034 3.1). */
struct rrsig_view {
    uint16_t type, tag;
    uint8_t algorithm, labels;
    uint32_t ttl;
    uint32_t expiration, inception; /* serial numbers (RFC 4034 3.1.5) */
    struct dname signer;
    size_t prefix_len; /* octets before the signature */
};
/* False if the octets are no RRSIG. */
bool rrsig_view(struct rrsig_view *out, const uint8_t *rdata, size_t len);

enum rrsig_verdict {
    RRSIG_GOOD,
    RRSIG_BOGUS,
    RRSIG_NO_KEY,     /* none of the keys is the one that signed */
    RRSIG_UNSUPPORTED /* an algorithm that we do not have */
};
/* Verifies a signature over `set` at `owner` by the zone's DNSKEY RRset, leaving its times aside.
 * All octets may be hostile; the sets must be well-formed and in canonical form. */
enum rrsig_verdict rrsig_verify(const struct dname *owner, const struct rrset *set,
                                const uint8_t *rrsig, size_t len, const struct dname *zone,
                                const struct rrset *dnskey);

/* True if the bitmap of NSEC rdata has the type (RFC 4034 4.1.2). */
bool nsec_has_type(const uint8_t *rdata, size_t len, uint16_t type);

#endif
