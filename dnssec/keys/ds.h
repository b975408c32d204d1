/* Whether a DS record is a key's, by any digest: a parent that uses CDNSKEY chooses the digest
 * types. */
#ifndef DNSSEC_DS_H
#define DNSSEC_DS_H

#include "dnssec/keys/keystore.h"

enum ds_match {
    /* Of another key, or malformed. */
    DS_OTHER,
    /* Tag and algorithm match; the digest type is not known here. */
    DS_UNKNOWN,
    /* Matches by SHA-1, which some validators no longer accept (RFC 9905). */
    DS_WEAK,
    /* Matches by SHA-256 or SHA-384 (RFC 8624 3.3). */
    DS_GOOD
};
enum ds_match ds_match(const struct key_record *key, const struct dname *zone, const uint8_t *rdata,
                       size_t len);

#endif
