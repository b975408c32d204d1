/* The zone's keys that are in use at one moment, with their private keys. Immutable, shared by
 * threads, with counted references. */
#ifndef DNSSEC_KEYRING_H
#define DNSSEC_KEYRING_H

#include "dnssec/keys/keystore.h"
#include "dnssec/signing/sigcache.h"

enum {
    KEYRING_MAX = KEYSTORE_USED_MAX,
    KEYRING_SCRATCH = KEYRING_MAX * (KEY_DNSKEY_MAX + 2)
};

/* The present uses of a key, as bits. Its role says which uses are possible. */
enum key_use {
    USE_PUBLISHED = 1,
    USE_SIGN_KEYS = 2,
    USE_SIGN_ZONE = 4,
    USE_DS = 8 /* in CDS and CDNSKEY */
};

struct keyring;

/* Opens the keys of the store that are in use. UNSEALABLE. INVALID if there are none or more than
 * KEYRING_MAX, or if a published algorithm has no key that signs the DNSKEY RRset or none that
 * signs the rest (RFC 4035 2.2). */
enum result keyring_load(struct keyring **out, struct store_txn *keys, const struct seal *seal,
                         struct diag *diag);
struct keyring *keyring_ref(struct keyring *keyring);
void keyring_unref(struct keyring *keyring);

/* True if what was signed with `before` may be served for ROLLOVER_RESIGN_S more under `keyring`
 * (rollover_keeps). */
bool keyring_keeps(const struct keyring *keyring, const struct keyring *before, uint64_t now);
/* True if the same keys sign the zone. */
bool keyring_signs_alike(const struct keyring *a, const struct keyring *b);

size_t keyring_count(const struct keyring *keyring);
const struct key *keyring_key(const struct keyring *keyring, size_t i);
unsigned keyring_uses(const struct keyring *keyring, size_t i);
/* When the key stopped signing the zone, Unix seconds, if its signatures may be served for
 * ROLLOVER_RESIGN_S more; else 0. */
uint64_t keyring_former_since(const struct keyring *keyring, size_t i);
/* The signature of an offline key over an RRset of keyring_rrset: of those in the bundle that are
 * valid at `now` the one that expires last. False: there is none. */
bool keyring_presigned(const struct keyring *keyring, size_t i, uint16_t type, uint64_t now,
                       struct cached_signature *out);
/* Builds an RRset of the apex in `scratch`: DNSKEY, or CDS (RFC 7344 3.1) or CDNSKEY (RFC 7344 3.2)
 * of the keys whose DS the parent is to have. Without such a key these ask the parent to remove the
 * DS (RFC 8078 4). A bundle's TTL takes precedence over `ttl`. False for another type. */
bool keyring_rrset(const struct keyring *keyring, const struct dname *apex, uint16_t type,
                   uint32_t ttl, uint8_t scratch[KEYRING_SCRATCH], struct rrset *out);

#endif
