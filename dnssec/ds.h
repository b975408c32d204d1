/* Whose a DS record is, whatever its digest: parents turn CDNSKEY into the digests that they like. */
#ifndef DNSSEC_DS_H
#define DNSSEC_DS_H

#include "dnssec/keystore.h"

enum ds_match {
    DS_OTHER,   /* another key's, or malformed */
    DS_UNKNOWN, /* tag and algorithm are the key's, the digest is of a type that is not known here */
    DS_WEAK,    /* the key's, by SHA-1, which validators no longer all believe (RFC 9905) */
    DS_GOOD     /* the key's, by SHA-256 or SHA-384 (RFC 8624 3.3) */
};
enum ds_match ds_match(const struct key_record *key, const struct dname *zone, const uint8_t *rdata,
                       size_t len);

#endif
