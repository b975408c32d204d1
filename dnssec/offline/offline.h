/* The offline KSK: the server's machine makes a request, the machine with the KSK signs it, and the
 * server's machine takes in the bundle. Also how a KSK's private key leaves the server and comes
 * back.
 *
 * All is decided and written in the caller's transaction, so a refusal changes nothing. */
#ifndef DNSSEC_OFFLINE_H
#define DNSSEC_OFFLINE_H

#include "dnssec/offline/bundle.h"
#include "dnssec/offline/offline_plan.h"

/* Plans the period, and makes the planned ZSKs that it needs. The signatures outlast `until` of the
 * period by half the signature-validity. REFUSED with the reason. */
enum result offline_request(struct bundle *out, struct store_txn *keys, const struct seal *seal,
                            const struct settings *settings, const struct offline_period *period,
                            struct diag *diag);
/* Turns a request into a bundle: signs each slice with those of its KSKs whose private keys are in
 * this store. Sets `signers` to the keys that have signed, as key bits of the request. REFUSED if a
 * slice has no signature then. */
enum result offline_sign(struct bundle *bundle, struct store_txn *keys, const struct seal *seal,
                         const struct dname *zone, uint32_t *signers, struct diag *diag);
/* Replaces the stored slices from the bundle's beginning on. REFUSED or INVALID with the reason: it
 * is of another zone; it is older than the stored bundle; it names keys that the store does not
 * have; a signature is missing or bad; there is a gap; or the store's keys cannot enter its slices
 * safely. */
enum result offline_accept(struct bundle *bundle, struct store_txn *keys,
                           const struct settings *settings, uint64_t now, struct diag *diag);
/* Drops the private keys of all KSKs. REFUSED unless a stored bundle signs the records that are
 * served. */
enum result offline_forget(struct store_txn *keys, const struct settings *settings, uint64_t now,
                           struct diag *diag);
/* Brings a KSK's private key back. When no KSK is offline any more, planned keys and slices are
 * deleted. */
enum result offline_restore(struct store_txn *keys, const struct seal *seal, const struct key *key,
                            struct diag *diag);

#endif
