/* The opened keys of a zone at one moment: immutable, shared by threads, counted references. */
#ifndef DNSSEC_KEYRING_H
#define DNSSEC_KEYRING_H

#include "dnssec/keys/keystore.h"
#include "dnssec/signing/sigcache.h"

enum {
    KEYRING_MAX = KEYSTORE_USED_MAX,
    KEYRING_SCRATCH = KEYRING_MAX * (KEY_DNSKEY_MAX + 2)
};

/* What a key is for now, as bits. Roles say what it may be for. */
enum key_use {
    USE_PUBLISHED = 1,
    USE_SIGN_KEYS = 2,
    USE_SIGN_ZONE = 4,
    USE_DS = 8 /* in CDS and CDNSKEY */
};

struct keyring;

/* Opens the keys of the store that are in use. UNSEALABLE; INVALID if there are none or over
 * KEYRING_MAX, or if an algorithm is not covered: each one published needs a key that signs DNSKEY
 * and one that signs the rest (RFC 4035 2.2). */
enum result keyring_load(struct keyring **out, struct store_txn *keys, const struct seal *seal,
                         struct diag *diag);
struct keyring *keyring_ref(struct keyring *keyring);
void keyring_unref(struct keyring *keyring);

size_t keyring_count(const struct keyring *keyring);
const struct key *keyring_key(const struct keyring *keyring, size_t i);
unsigned keyring_uses(const struct keyring *keyring, size_t i);
/* A key whose private half is elsewhere has its signatures over the RRsets of keyring_rrset from a
 * bundle: the one that lasts longest of those that are valid at `now`. False: there is none. */
bool keyring_presigned(const struct keyring *keyring, size_t i, uint16_t type, uint64_t now,
                       struct cached_signature *out);
/* DNSKEY, or CDNSKEY (RFC 7344 3.2) or CDS (their DS, RFC 7344 3.1) of the keys that the parent
 * shall point to, at the apex, built in `scratch`. With no such key they ask for the DS to be
 * removed (RFC 8078 4). False for another type. `ttl` does not count when a bundle says another. */
bool keyring_rrset(const struct keyring *keyring, const struct dname *apex, uint16_t type,
                   uint32_t ttl, uint8_t scratch[KEYRING_SCRATCH], struct rrset *out);

#endif
