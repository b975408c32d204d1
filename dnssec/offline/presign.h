/* A slice's signatures: made with a KSK's private key, checked with its public key. */
#ifndef DNSSEC_PRESIGN_H
#define DNSSEC_PRESIGN_H

#include "dnssec/signing/slices.h"

/* Signs the slice's RRsets with `key`, which is key `i` of `keys`. TOO_LONG if the slice has
 * SLICE_SIGNERS_MAX signers already. */
enum result presign_slice(struct slice *slice, const struct key_set *keys, size_t i,
                          const struct key *key, const struct dname *apex);
/* True if the slice has good signatures of key `i` over all its RRsets. */
bool presign_check(const struct slice *slice, const struct key_set *keys, size_t i,
                   const struct dname *apex);

#endif
