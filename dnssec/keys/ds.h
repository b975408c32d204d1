/* Whose a DS record is, whatever its digest: parents turn CDNSKEY into the digests that they
 * like. */
#ifndef DNSSEC_DS_H
#define DNSSEC_DS_H

#include "dnssec/keys/keystore.h"

enum ds_match {
    /* Another key's, or malformed. */
    DS_OTHER,
    /* Tag and algorithm are the key's, the digest is of a type that is not known here. */
    DS_UNKNOWN,
    /* The key's, by SHA-1, which validators no longer all believe (RFC 9905). */
    DS_WEAK,
    /* The key's, by SHA-256 or SHA-384 (RFC 8624 3.3). */
    DS_GOOD
};
enum ds_match ds_match(const struct key_record *key, const struct dname *zone, const uint8_t *rdata,
                       size_t len);

#endif
