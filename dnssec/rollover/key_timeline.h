/* The keys of a zone in the store, as one: read, moved on, written back in the caller's
 * transaction. Makes the keys of a rollover.
 *
 * The server moves keys on, the operator starts and stops rollovers; both read, decide and write in
 * one write transaction, of which there is one at a time, so neither acts on what the other has
 * changed. */
#ifndef DNSSEC_KEY_TIMELINE_H
#define DNSSEC_KEY_TIMELINE_H

#include "dnssec/rollover/rollover.h"
#include "zone/registry/settings.h"

struct key_timeline {
    struct key_set keys;
    struct rollover_memory memory;
    bool remembered; /* false: the store has no memory yet, and `memory` is zero */
};

enum {
    KEY_TIMELINE_MEMORY_LEN = 1 + 2 * 4 + 3 * 8
};
void key_timeline_memory_write(struct writer *w, const struct rollover_memory *m);
/* Fails the reader if it is none. */
struct rollover_memory key_timeline_memory_read(struct reader *r);
bool key_life_equal(const struct key_life *a, const struct key_life *b);

enum roll_kind {
    ROLL_ZSK,
    ROLL_KSK,
    ROLL_CSK,   /* one key for both roles, also in place of two */
    ROLL_SPLIT, /* a KSK and a ZSK in place of a CSK */
    ROLL_ALGORITHM
};

/* DAMAGED, NEWER, or INVALID if there are more than KEYSTORE_MAX keys. */
enum result key_timeline_read(struct key_timeline *out, struct store_txn *keys, struct diag *diag);
/* OK if `seal` opens each private half that is here, else UNSEALABLE. */
enum result key_timeline_open_all(const struct key_timeline *timeline, const struct seal *seal,
                                  struct diag *diag);
/* Writes what differs from `before`, and deletes keys that are dead. */
enum result key_timeline_write(const struct key_timeline *timeline,
                               const struct key_timeline *before, struct store_txn *keys,
                               const struct seal *seal, uint64_t now, struct diag *diag);
/* The store of a new zone knows what it serves. */
enum result key_timeline_init(struct store_txn *keys, const struct settings *settings, uint64_t now,
                              struct diag *diag);

/* The store of a new zone whose keys come from another machine, as a package
 * (dnssec/offline/keytransfer.h). */
enum result key_timeline_init_follower(struct store_txn *keys, struct diag *diag);

/* The longest TTL of all RRsets but DNSKEY, as caches of validators keep them: never longer than
 * signatures last. `longest_s` is that of the static records. */
uint32_t key_timeline_zone_ttl(const struct settings *settings, uint32_t longest_s);
struct rollover_timing key_timeline_timing(const struct key_timeline *timeline,
                                           const struct settings *settings);

/* What to roll to; the algorithm is that of the new keys. */
struct roll_options {
    enum roll_kind kind;
    enum algorithm algorithm;
    bool emergency; /* also keys that are just coming are replaced */
};
/* Makes the new keys and lets the old ones go: nothing else happens before the next
 * rollover_advance. `timeline` is what `keys` has, before and after. REFUSED with the reason. */
enum result key_timeline_start(struct key_timeline *timeline, struct store_txn *keys,
                               const struct seal *seal, const struct roll_options *options,
                               uint64_t now, struct diag *diag);
/* Lets all keys of these roles go; `more` keys will come in their place. REFUSED as above. */
enum result key_timeline_retire(struct key_timeline *timeline, unsigned roles, size_t more,
                                bool emergency, struct diag *diag);
/* When the ZSK (bit KEY_ZSK) or KSK is due to be replaced by its lifetime; 0: never. */
uint64_t key_timeline_due_at(const struct key_timeline *timeline, const struct settings *settings,
                             enum key_role bit);

/* A key to be made. */
struct key_spec {
    enum algorithm algorithm;
    enum key_role role;
    struct key_life life;
};
/* Makes a key with a tag of its own and stores it. */
enum result key_timeline_make_key(struct store_txn *keys, const struct seal *seal,
                                  const struct key_spec *spec, uint64_t now, struct diag *diag);

#endif
