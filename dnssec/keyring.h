/* The opened keys of a zone at one moment: immutable, shared by threads, counted references. */
#ifndef DNSSEC_KEYRING_H
#define DNSSEC_KEYRING_H

#include "dnssec/keystore.h"

enum {
    KEYRING_MAX = 8,
    KEYRING_SCRATCH = KEYRING_MAX * (KEY_DNSKEY_MAX + 2)
};

struct keyring;

/* Takes over `count` keys; on failure they stay the caller's. INVALID if there are none or over KEYRING_MAX, or if a role or an
 * algorithm is not covered: each algorithm needs one that signs DNSKEY and one that signs the rest (RFC 4035 2.2). */
enum result keyring_new(struct keyring **out, struct key *const *keys, size_t count,
                        struct diag *diag);
/* Opens every key of the store; UNSEALABLE, or INVALID as above. */
enum result keyring_load(struct keyring **out, struct store_txn *keys, const struct seal *seal,
                         struct diag *diag);
struct keyring *keyring_ref(struct keyring *keyring);
void keyring_unref(struct keyring *keyring);

size_t keyring_count(const struct keyring *keyring);
const struct key *keyring_key(const struct keyring *keyring, size_t i);
/* DNSKEY, CDNSKEY (the KSKs' DNSKEYs, RFC 7344 3.2) or CDS (their DS, RFC 7344 3.1) at the apex, built in `scratch`. False for
 * another type. */
bool keyring_rrset(const struct keyring *keyring, const struct dname *apex, uint16_t type,
                   uint32_t ttl, uint8_t scratch[KEYRING_SCRATCH], struct rrset *out);

#endif
