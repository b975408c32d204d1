/* Signatures of a slice: made ahead by whoever has a key-signing key, checked by whoever has its
 * public half. */
#ifndef DNSSEC_PRESIGN_H
#define DNSSEC_PRESIGN_H

#include "dnssec/signing/slices.h"

/* Signs the slice's RRsets with `key`, which is number `i` of `keys`. TOO_LONG if there are
 * SLICE_SIGNERS_MAX already. */
enum result presign_slice(struct slice *slice, const struct key_set *keys, size_t i,
                          const struct key *key, const struct dname *apex);
/* True if key number `i` has signed all of them, rightly. */
bool presign_check(const struct slice *slice, const struct key_set *keys, size_t i,
                   const struct dname *apex);

#endif
