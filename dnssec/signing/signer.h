/* Signs RRsets with a keyring's keys, through the signature cache. One signer per thread; threads
 * share keyring and cache. */
#ifndef DNSSEC_SIGNER_H
#define DNSSEC_SIGNER_H

#include "dnssec/signing/budget.h"
#include "dnssec/signing/keyring.h"
#include "dnssec/signing/rrsig.h"
#include "dnssec/signing/sigcache.h"
#include "zone/base/counter.h"

enum {
    SIGNER_FORMER_S = 120,
    SIGNER_SCRATCH = KEYRING_MAX * (2 + RRSIG_PREFIX_MAX + KEY_SIGNATURE_LEN)
};

struct signer;

/* What signers do, for their owner. One thread writes, any thread may read. */
struct signature_counts {
    atomic_uint_fast64_t made, found; /* signatures made, and found in the cache */
};

/* Takes a reference to the keyring. The seed feeds the jitter of expirations. */
struct signer *signer_new(struct keyring *keyring, struct sigcache *cache, const struct dname *apex,
                          uint32_t validity_s, uint64_t seed);
void signer_free(struct signer *signer);
/* From now on the jitter of expirations follows from this seed. */
void signer_reseed(struct signer *signer, uint64_t seed);
/* From now on each new signature takes a token from the budget; signatures in the cache are free.
 * The budget must outlive the signer. */
void signer_limit(struct signer *signer, struct budget *budget);
/* From now on adds to the counts, which must outlive the signer. */
void signer_count(struct signer *signer, struct signature_counts *counts);

/* From now on a cached signature of a key that has just stopped signing the zone may take the place
 * of one by a key of its algorithm that is not cached: for each RRset until its moment, in the
 * first SIGNER_FORMER_S after the key stopped. So a change of keys does not ask for all signatures
 * at once. */
void signer_take_former(struct signer *signer);

/* Makes the RRSIGs over `set` at `owner`, an RRset of type RRSIG in `scratch`: one for each key
 * that signs this type (DNSKEY, CDS and CDNSKEY: RFC 4035 2.2, RFC 7344 4.1), in the keyring's
 * order.
 *
 * A cached signature is used while more than a third of the validity is left (with jitter, so that
 * not all are renewed at once), and never outside its validity period, even if the clock was set. A
 * new one is valid for validity_s from now, less a jitter of up to a twentieth.
 *
 * CRYPTO if signing fails; TOO_LONG if more than 65535 octets are to be signed; EXHAUSTED if the
 * budget is; NOT_FOUND if the bundle has no valid signature of an offline key. */
enum result signer_sign(struct signer *signer, const struct dname *owner, const struct rrset *set,
                        uint64_t now, uint8_t scratch[SIGNER_SCRATCH], struct rrset *out);
/* How many signatures were made since signer_new. Tests tell cache hits by it. */
uint64_t signer_made(const struct signer *signer);

#endif
