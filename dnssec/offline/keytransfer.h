/* Keys that come from elsewhere: single ones, or all of a zone from the machine that leads, boxed
 * for this one's seal. */
#ifndef DNSSEC_KEYTRANSFER_H
#define DNSSEC_KEYTRANSFER_H

#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/slices.h"

enum {
    KEYTRANSFER_KEY_MAX = 3 + 8 + 97 + KEY_PUBLIC_MAX + KEY_PRIVATE_MAX,
    KEYTRANSFER_SLICE_MAX = 3 * 8 + 5 * 4 + SLICE_SIGNERS_MAX * SLICE_TYPES * KEY_SIGNATURE_LEN,
    KEYTRANSFER_PLAIN_MAX = 4 + DNAME_MAX + KEYSTORE_MAX * KEYTRANSFER_KEY_MAX +
                            KEY_TIMELINE_MEMORY_LEN + KEYTRANSFER_SLICE_MAX,
    KEYTRANSFER_MAX = KEYTRANSFER_PLAIN_MAX + SEAL_BOX_OVERHEAD,
    /* Of what the server had sent that keys in use come from: who knows? */
    KEYTRANSFER_FORMER_TTL_S = 2 * 86400,
    /* Room of an identity as text. */
    KEYTRANSFER_IDENTITY_ROOM = 45
};

/* An identity in base64, as it is shown and given. Returns `out`. INVALID for what is none. */
char *keytransfer_identity_text(const uint8_t identity[SEAL_PUBLIC_LEN],
                                char out[KEYTRANSFER_IDENTITY_ROOM]);
enum result keytransfer_identity_parse(uint8_t out[SEAL_PUBLIC_LEN], const char *text);

/* Keys from files. in_use: the zone is signed with them already, elsewhere. */
struct key_import {
    struct key *list[KEYSTORE_MAX];
    size_t count;
    bool in_use;
    bool replace; /* also keys that are not as `init` made them */
};
/* Takes them in place of those of their roles: keys in use replace all others at once, to others a
 * rollover begins. INVALID if they make no zone, REFUSED, EXISTS. REFUSED without `replace`, too,
 * if a key would go that the zone may be signed with. */
enum result keytransfer_import(struct store_txn *keys, const struct seal *seal,
                               const struct key_import *import, uint64_t now, struct diag *diag);

/* What goes into a package. */
struct package_options {
    const uint8_t *recipient; /* SEAL_PUBLIC_LEN octets */
    /* Without the private halves of KSKs: instead the signatures that these make now, which last as
     * long as others. */
    bool zsk_only;
    uint64_t now;
};
/* All keys with their states, for the machine whose seal_public is `recipient`, who can tell that
 * this seal made it. `out` has room for KEYTRANSFER_MAX octets. REFUSED with zsk_only if a key
 * signs everything, or a KSK is elsewhere. */
enum result keytransfer_pack(struct store_txn *keys, const struct seal *seal,
                             const struct settings *settings, const struct package_options *options,
                             struct store_item *out, struct diag *diag);
/* A package that has come. */
struct package_import {
    const uint8_t *data;
    size_t len;
    /* Whose it must be, and who is followed from now on; NULL: who was followed, or the first. */
    const uint8_t *from;
    /* Also keys that are not as `init` made them, those of a later package, and private halves. */
    bool replace;
};
/* Replaces all keys by those of the package and follows its sender from then on. Nothing is written
 * when they are the same. INVALID for another zone's, or for damage; REFUSED for one of another
 * sender than is followed, or one that is older than the last, whose keys may know less than
 * caches, or if this machine leads and a key would go that the zone may be signed with. */
enum result keytransfer_unpack(struct store_txn *keys, const struct seal *seal,
                               const struct dname *zone, const struct package_import *import,
                               struct diag *diag);
/* Whom this machine follows. NOT_FOUND: nobody, or it is not known. */
enum result keytransfer_leader(struct store_txn *keys, uint8_t out[SEAL_PUBLIC_LEN]);
/* From now on this machine leads. REFUSED if it does. */
enum result keytransfer_lead(struct store_txn *keys, const struct seal *seal, uint64_t now,
                             struct diag *diag);

#endif
