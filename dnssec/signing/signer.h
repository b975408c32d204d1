/* Signs RRsets with a keyring's active keys, through the signature cache. One signer per thread;
 * keyring and cache are shared. */
#ifndef DNSSEC_SIGNER_H
#define DNSSEC_SIGNER_H

#include "dnssec/signing/budget.h"
#include "dnssec/signing/keyring.h"
#include "dnssec/signing/rrsig.h"
#include "dnssec/signing/sigcache.h"

enum {
    SIGNER_SCRATCH = KEYRING_MAX * (2 + RRSIG_PREFIX_MAX + KEY_SIGNATURE_LEN)
};

struct signer;

/* Takes a reference to the keyring. Random bits (for the jitter of expirations) are taken from the
 * seed. */
struct signer *signer_new(struct keyring *keyring, struct sigcache *cache, const struct dname *apex,
                          uint32_t validity_s, uint64_t seed);
void signer_free(struct signer *signer);
/* From now on new signatures take from the budget, which must outlive the signer; those in the
 * cache don't. */
void signer_limit(struct signer *signer, struct budget *budget);

/* The RRSIGs over `set` at `owner` as an RRset of type RRSIG in `scratch`, one for each key that is
 * in use for it (DNSKEY, CDS and CDNSKEY: RFC 4035 2.2, RFC 7344 4.1), in the keyring's order. The
 * Labels field leaves out a `*` (RFC 4034 3.1.3). A cached signature is used while over a third of
 * the validity is left (jittered, so that not all renew at once), and never outside of its two
 * times, whichever way the clock was set. New ones last validity_s from now, less a jitter of up to
 * a twentieth. CRYPTO if signing fails; TOO_LONG if what is to be signed exceeds 65535 octets;
 * EXHAUSTED if the budget is; NOT_FOUND if the signature of a key whose private half is elsewhere
 * is not there or has ended. */
enum result signer_sign(struct signer *signer, const struct dname *owner, const struct rrset *set,
                        uint64_t now, uint8_t scratch[SIGNER_SCRATCH], struct rrset *out);
/* Signatures made since signer_new, not those found in the cache. */
uint64_t signer_made(const struct signer *signer);

#endif
