/* Keys that come from elsewhere: single ones, or all of a zone from the machine that leads, boxed for this one's seal. */
#ifndef DNSSEC_KEYTRANSFER_H
#define DNSSEC_KEYTRANSFER_H

#include "dnssec/keyroll.h"

enum {
    KEYTRANSFER_KEY_MAX = 3 + 8 + 97 + KEY_PUBLIC_MAX + KEY_PRIVATE_MAX,
    KEYTRANSFER_PLAIN_MAX = 3 + DNAME_MAX + KEYSTORE_MAX * KEYTRANSFER_KEY_MAX + KEYROLL_MEMORY_LEN,
    KEYTRANSFER_MAX = KEYTRANSFER_PLAIN_MAX + SEAL_BOX_OVERHEAD,
    KEYTRANSFER_FORMER_TTL_S =
        2 * 86400 /* of what the server had sent that keys in use come from: who knows? */
};

/* Keys from files. in_use: the zone is signed with them already, elsewhere. */
struct given_keys {
    struct key *list[KEYSTORE_MAX];
    size_t count;
    bool in_use;
};
/* Takes them in place of those of their roles: keys in use replace all others at once, to others a rollover begins. INVALID if they
 * make no zone, REFUSED, EXISTS. */
enum result keytransfer_add(struct store_txn *keys, const struct seal *seal,
                            const struct given_keys *given, uint64_t now, struct diag *diag);

/* All keys with their states, for the machine whose seal_public is `recipient`. `out` has room for KEYTRANSFER_MAX octets. */
enum result keytransfer_pack(struct store_txn *keys, const struct seal *seal,
                             const struct dname *zone, const uint8_t recipient[SEAL_PUBLIC_LEN],
                             struct store_item *out, struct diag *diag);
/* Replaces all keys by those of the package and follows its sender from then on. Nothing is written when they are the same. INVALID for
 * another zone's, or for damage; REFUSED for one that is older than the last, whose keys may know less than caches. */
enum result keytransfer_unpack(struct store_txn *keys, const struct seal *seal,
                               const struct dname *zone, const uint8_t *data, size_t len,
                               struct diag *diag);

#endif
