/* Keys that come from other machines: from key files, or in a package with all keys of the zone,
 * made by the leader and boxed for this machine's seal. */
#ifndef DNSSEC_KEYTRANSFER_H
#define DNSSEC_KEYTRANSFER_H

#include "dnssec/keys/cookie_secrets.h"
#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/slices.h"

enum {
    KEYTRANSFER_KEY_MAX = 3 + 8 + 97 + KEY_PUBLIC_MAX + KEY_PRIVATE_MAX,
    KEYTRANSFER_SLICE_MAX = 3 * 8 + 5 * 4 + SLICE_SIGNERS_MAX * SLICE_TYPES * KEY_SIGNATURE_LEN,
    KEYTRANSFER_SLICES_MAX = 64,
    KEYTRANSFER_PLAIN_MAX = 4 + DNAME_MAX + 2 * 8 + 2 + KEYSTORE_MAX * KEYTRANSFER_KEY_MAX +
                            KEY_TIMELINE_MEMORY_LEN + 2 * 8 + 1 +
                            KEYTRANSFER_SLICES_MAX * KEYTRANSFER_SLICE_MAX + 1 + COOKIE_SECRETS_LEN,
    KEYTRANSFER_MAX = KEYTRANSFER_PLAIN_MAX + SEAL_BOX_OVERHEAD,
    /* The longest TTL that the previous server may have served; a guess. */
    KEYTRANSFER_FORMER_TTL_S = 2 * 86400,
    /* For so long a machine goes on that gets no further package: signatures of KSKs, and ZSKs. */
    KEYTRANSFER_REACH_S = 90 * 86400,
    /* Keys for which the leader keeps room when it makes ZSKs ahead. */
    KEYTRANSFER_SPARE_KEYS = 4,
    /* Room of an identity as text. */
    KEYTRANSFER_IDENTITY_ROOM = 45
};

/* An identity (dnssec/keys/seal.h) in base64. Returns `out`. */
char *keytransfer_identity_text(const uint8_t identity[SEAL_PUBLIC_LEN],
                                char out[KEYTRANSFER_IDENTITY_ROOM]);
enum result keytransfer_identity_parse(uint8_t out[SEAL_PUBLIC_LEN], const char *text);

/* Keys from files. */
struct key_import {
    struct key *list[KEYSTORE_MAX];
    size_t count;
    bool in_use;  /* another server already signs the zone with them */
    bool replace; /* also replace keys that the zone may be signed with */
};
/* Keys in use replace all stored keys at once. For other keys a rollover to them begins. INVALID if
 * they cannot sign a zone; REFUSED; EXISTS. Without `replace` REFUSED if a key would be deleted
 * that the zone may be signed with. */
enum result keytransfer_import(struct store_txn *keys, const struct seal *seal,
                               const struct key_import *import, uint64_t now, struct diag *diag);

/* How to make a package. */
struct package_options {
    const uint8_t *recipient; /* SEAL_PUBLIC_LEN octets */
    /* Without the private keys of KSKs. The package has their signatures instead: those of the
     * bundle, or, for KEYTRANSFER_REACH_S, of the records that the zone will have, as far as there
     * are planned ZSKs (keytransfer_plan_ahead). */
    bool zsk_only;
    unsigned held; /* role bits: these keys take no step, here and at the receiver */
    uint64_t now;
    uint64_t roll_after;                  /* no rollover of the ZSK begins earlier */
    uint64_t number;                      /* rises from package to package; 0: by hand */
    const struct cookie_secrets *cookies; /* NULL: the receiver keeps its own */
};
/* Makes a package of all keys with their states. Only the machine with this identity can open it,
 * and it sees that this machine's seal made it. `out` has room for KEYTRANSFER_MAX octets. With
 * zsk_only REFUSED if the zone has a CSK, or a bundle that has ended. */
enum result keytransfer_pack(struct store_txn *keys, const struct seal *seal,
                             const struct settings *settings, const struct package_options *options,
                             struct store_item *out, struct diag *diag);
/* Makes the planned ZSKs that a package needs to reach KEYTRANSFER_REACH_S ahead, as far as there
 * is room. The rollovers of this machine will take them, in the same order. */
enum result keytransfer_plan_ahead(struct store_txn *keys, const struct seal *seal,
                                   const struct settings *settings, uint64_t now,
                                   struct diag *diag);
/* How to take in a package. */
struct package_import {
    const uint8_t *data;
    size_t len;
    /* The identity that must have made it, and that is followed from now on. NULL: the leader so
     * far; without one, any. */
    const uint8_t *from;
    /* The fleet has named its maker to lead. Another one may have led before, so that the number
     * alone tells which package is newer. */
    bool named;
    /* Also replace keys that the zone may be signed with, keys of a newer package, and private
     * keys. */
    bool replace;
};
/* Replaces all keys by those of the package, and follows its sender from now on. Writes nothing if
 * they are the same, or if it is the last one again. INVALID if it is damaged or of another zone.
 * REFUSED if its sender is not the leader; if it is older than the last one (caches may hold keys
 * that it does not know); or if this
 * machine leads and a key would be deleted that the zone may be signed with. */
enum result keytransfer_unpack(struct store_txn *keys, const struct seal *seal,
                               const struct dname *zone, const struct package_import *import,
                               struct diag *diag);
/* The package that was taken in last. */
struct package_taken {
    uint64_t number, made_at;
    unsigned held; /* role bits */
};
/* NOT_FOUND if there was none. DAMAGED. */
enum result keytransfer_taken(struct store_txn *keys, struct package_taken *out);
/* Takes the steps that are due by now by the slices of that package, each at its time: so all
 * machines with a package are in the same state, also one that was off. */
enum slices_step keytransfer_catch_up(struct key_timeline *timeline, const struct slices *slices,
                                      const struct package_taken *taken,
                                      const struct settings *settings, uint64_t now);
/* The identity of the machine that this one follows. NOT_FOUND if there is none or it is unknown.
 */
enum result keytransfer_leader(struct store_txn *keys, uint8_t out[SEAL_PUBLIC_LEN]);
/* Makes this machine the leader. REFUSED if it is. */
enum result keytransfer_lead(struct store_txn *keys, const struct seal *seal, uint64_t now,
                             struct diag *diag);

#endif
