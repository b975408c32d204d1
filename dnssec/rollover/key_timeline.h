/* All keys of the zone and the rollover memory, read from the store and written back in the
 * caller's transaction. Starts rollovers and makes their keys.
 *
 * The server takes the steps; the operator starts and aborts rollovers. Both read, decide and write
 * within one write transaction, and there is only one at a time. So neither acts on outdated
 * keys. */
#ifndef DNSSEC_KEY_TIMELINE_H
#define DNSSEC_KEY_TIMELINE_H

#include "dnssec/rollover/rollover.h"
#include "zone/registry/settings.h"

struct key_timeline {
    struct key_set keys;
    struct rollover_memory memory;
    bool remembered; /* false: the store has no memory yet; `memory` is zero */
};

enum {
    KEY_TIMELINE_MEMORY_LEN = 1 + 2 * 4 + 3 * 8
};
void key_timeline_memory_write(struct writer *w, const struct rollover_memory *m);
/* Fails the reader if the octets are not valid. */
struct rollover_memory key_timeline_memory_read(struct reader *r);
bool key_life_equal(const struct key_life *a, const struct key_life *b);

enum roll_kind {
    ROLL_ZSK,
    ROLL_KSK,
    ROLL_CSK,   /* to one key for both roles, from one or from two */
    ROLL_SPLIT, /* from a CSK to a KSK and a ZSK */
    ROLL_ALGORITHM
};

/* DAMAGED; NEWER; INVALID if the store has more than KEYSTORE_MAX keys. */
enum result key_timeline_read(struct key_timeline *out, struct store_txn *keys, struct diag *diag);
/* UNSEALABLE unless `seal` opens every private key in the store. */
enum result key_timeline_open_all(const struct key_timeline *timeline, const struct seal *seal,
                                  struct diag *diag);
/* Writes the differences from `before` and deletes dead keys. */
enum result key_timeline_write(const struct key_timeline *timeline,
                               const struct key_timeline *before, struct store_txn *keys,
                               const struct seal *seal, uint64_t now, struct diag *diag);
/* Writes the memory of a new zone: the TTLs that it serves. */
enum result key_timeline_init(struct store_txn *keys, const struct settings *settings, uint64_t now,
                              struct diag *diag);
/* Writes the memory of a new zone whose keys come from a leader, in packages
 * (dnssec/offline/keytransfer.h). */
enum result key_timeline_init_follower(struct store_txn *keys, struct diag *diag);

/* The longest time for which validators cache any RRset but DNSKEY: its TTL, but not longer than
 * its signature is valid. `longest_s` is the longest TTL of the static records. */
uint32_t key_timeline_zone_ttl(const struct settings *settings, uint32_t longest_s);
struct rollover_timing key_timeline_timing(const struct key_timeline *timeline,
                                           const struct settings *settings);

struct roll_options {
    enum roll_kind kind;
    enum algorithm algorithm; /* of the new keys, for ROLL_ALGORITHM */
    bool emergency;           /* do not wait for a rollover that is under way */
};
/* Makes the new keys and marks the old ones as no longer wanted. The next rollover_advance takes
 * the first step. `timeline` equals the store's contents, before and after. REFUSED with the
 * reason. */
enum result key_timeline_start(struct key_timeline *timeline, struct store_txn *keys,
                               const struct seal *seal, const struct roll_options *options,
                               uint64_t now, struct diag *diag);
/* Marks all keys with these role bits as no longer wanted; `more` keys will replace them. REFUSED
 * as above. */
enum result key_timeline_retire(struct key_timeline *timeline, unsigned roles, size_t more,
                                bool emergency, struct diag *diag);
/* When the lifetime of the ZSK (bit KEY_ZSK) or KSK asks for a rollover; 0: never. */
uint64_t key_timeline_due_at(const struct key_timeline *timeline, const struct settings *settings,
                             enum key_role bit);

/* A key to be made. */
struct key_spec {
    enum algorithm algorithm;
    enum key_role role;
    struct key_life life;
};
/* Makes and stores a key whose tag no other key of the zone has. */
enum result key_timeline_make_key(struct store_txn *keys, const struct seal *seal,
                                  const struct key_spec *spec, uint64_t now, struct diag *diag);

#endif
