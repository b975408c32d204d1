/* The key-signing key elsewhere: what the server's machine asks for, what the other one signs, what
 * comes back, and the two steps at the ends, by which the private half leaves and comes home.
 *
 * Nothing that is refused changes anything: all is decided and written in the caller's
 * transaction. */
#ifndef DNSSEC_OFFLINE_H
#define DNSSEC_OFFLINE_H

#include "dnssec/offline/bundle.h"
#include "dnssec/offline/offline_plan.h"

/* Plans the period and makes the zone-signing keys that are missing for it, for later. `until` of
 * the period is met with half a signature-validity to spare. REFUSED with the reason. */
enum result offline_request(struct bundle *out, struct store_txn *keys, const struct seal *seal,
                            const struct settings *settings, const struct offline_period *period,
                            struct diag *diag);
/* Signs each slice with those of its key-signing keys that are in this store, and makes it a
 * bundle. Sets `signers` to the request's keys that were used. REFUSED if that leaves a slice
 * without any. */
enum result offline_sign(struct bundle *bundle, struct store_txn *keys, const struct seal *seal,
                         const struct dname *zone, uint32_t *signers, struct diag *diag);
/* Takes a bundle's slices in place of those that begin at its time or after. REFUSED or INVALID
 * with the reason: another zone's, older than the one that is there, keys that are not those of the
 * store, a signature that is missing or bad, a gap, or slices that the store's keys can't follow
 * safely. */
enum result offline_accept(struct bundle *bundle, struct store_txn *keys,
                           const struct settings *settings, uint64_t now, struct diag *diag);
/* Forgets the private halves of all key-signing keys. REFUSED unless a bundle is there that takes
 * over. */
enum result offline_forget(struct store_txn *keys, const struct settings *settings, uint64_t now,
                           struct diag *diag);
/* Takes a private half back. When none is elsewhere any more, what was planned and presigned
 * goes. */
enum result offline_restore(struct store_txn *keys, const struct seal *seal, const struct key *key,
                            struct diag *diag);

#endif
