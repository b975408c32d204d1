/* The LMDB environments of a state directory. Only the store's own files (store*.c) know lmdb.h.
 *
 * Each kind is a directory of its own (state/registry ...), so that file ownership gives the
 * rights. A transaction's results are copied out: nothing of the map outlives or leaves a
 * transaction. A struct store may be shared by threads, a store_txn may not. One process opens one
 * kind of one directory once (LMDB's rule). Every store has a `meta` table with magic, kind and
 * schema number, checked at open. */
#ifndef ZONE_STORE_H
#define ZONE_STORE_H

#include "zone/names/dname.h"

enum store_kind {
    STORE_REGISTRY,
    STORE_HEALTH,
    STORE_KEYS,
    STORE_TRAFFIC,
    STORE_HISTORY,
    STORE_KINDS
};

/* Tables. Each belongs to one kind; META is in all. */
enum store_table {
    TABLE_META,
    TABLE_SETTINGS,     /* registry: setting name -> text */
    TABLE_NAMES,        /* registry: canonical key -> node (zone/registry/node.h) */
    TABLE_MEMBERS,      /* registry: label -> member */
    TABLE_ADDRESSES,    /* registry: 16 octets, or 16 zeros and a target -> label */
    TABLE_TOMBSTONES,   /* registry: label -> tombstone */
    TABLE_VANTAGE_KEYS, /* registry: name -> key (zone/registry/registry_vantages.c) */
    TABLE_AUDIT,        /* registry: number -> change (zone/registry/audit.h) */
    TABLE_HEALTH,       /* health: member id and vantage point -> member_health */
    TABLE_VANTAGES,     /* health: name -> vantage (zone/verdicts/vantage.h) */
    TABLE_EVENTS,       /* health: label and number -> event (zone/verdicts/history.h) */
    TABLE_REFUSALS,     /* health: source -> refusal (zone/verdicts/intake.h) */
    TABLE_KEYS,         /* keys: algorithm and tag -> key record (dnssec/keys/keystore.h) */
    TABLE_TRAFFIC,      /* traffic: cell or member id -> counts (zone/steering/traffic.h) */
    TABLE_SAMPLES,      /* history: slot of time and subject -> samples (zone/verdicts/history.h) */
    TABLE_DAYS,         /* history: day and subject -> hours */
    TABLE_COUNT
};

enum {
    STORE_KEY_MAX = 511,
    STORE_VALUE_MAX = 65535
};

/* Address space, not memory or disk, reserved for a store's file (design note in store.c). */
#define STORE_MAP_READER (UINT64_C(16) << 30)
#define STORE_MAP_WRITER (UINT64_C(1) << 30)

struct store;
struct store_txn;

/* Brings a store of an older schema to that of now, in a write transaction. What a store holds is
 * not the store's matter, so the table is its users' (zone/verdicts/migrations.c): by kind and
 * schema, NULL where there is no way up. */
enum {
    STORE_SCHEMAS_MAX = 4
};
typedef enum result store_migration(struct store_txn *txn, uint64_t now, struct diag *diag);
extern store_migration *const store_migrations[STORE_KINDS][STORE_SCHEMAS_MAX];

/* A key or value that is copied in or out. */
struct store_item {
    size_t len;
    uint8_t *data;
    size_t room; /* of data, when it is an output */
};

const char *store_kind_text(enum store_kind kind);

/* Makes an empty environment; EXISTS if there is one. The directory state_dir itself must exist. */
enum result store_create(const char *state_dir, enum store_kind kind, struct diag *diag);
/* Opens one that exists. MISSING, FOREIGN, NEWER, DAMAGED or SYSTEM with a diag that names the path
 * and what to do. Clears readers that died. Before it maps the file in this process, a child walks
 * every page, so a damaged file can't crash us. */
enum result store_open(struct store **out, const char *state_dir, enum store_kind kind,
                       bool writable, struct diag *diag);
/* store_open with another reserve of address space than STORE_MAP_READER or STORE_MAP_WRITER; it
 * still grows. */
enum result store_open_sized(struct store **out, const char *state_dir, enum store_kind kind,
                             bool writable, uint64_t map_bytes, struct diag *diag);
void store_close(struct store *store);
/* Its directory. */
const char *store_path_of(const struct store *store);
/* Another file was put in the place of the one that is open, or its lock file was taken away: other
 * programs don't see this one's changes, nor the other way round. */
bool store_replaced(const struct store *store);
/* Takes up the new file, if the store was replaced and nobody has a snapshot now (not even for a
 * moment: false in `taken`, ask again). Read transactions go on in the new file at their next
 * renew, with a greater version. A file that is no good is told and the old one stays in use. If
 * the new one, which was good a moment before, can't be opened, the store is lost till a later
 * call. Of the threads that share the store one may call this, between its own transactions. */
enum result store_reopen(struct store *store, bool *taken, struct diag *diag);

/* A read transaction. It sees the store as of begin or the last renew. `store_rest` gives the
 * snapshot up (so that pages can be reused) and keeps the slot. */
enum result store_read(struct store *store, struct store_txn **out, struct diag *diag);
enum result store_renew(struct store_txn *txn);
void store_rest(struct store_txn *txn);
/* The number of the snapshot: grows with every commit to this store by any process. */
uint64_t store_version(const struct store_txn *txn);
/* The part of store_version that is this process's own: what other processes wrote down is without
 * it. 0 till the store is reopened. */
uint64_t store_origin(const struct store_txn *txn);

/* NEWER if a newer program has renewed the store since it was opened. */
enum result store_check(struct store_txn *txn, struct diag *diag);

/* A write transaction; waits for another process's. The map is grown first when it is over 70 %
 * full. Ends by store_commit or store_abort, which also ends and frees a read transaction. */
enum result store_write(struct store *store, struct store_txn **out, struct diag *diag);
enum result store_commit(struct store_txn *txn, struct diag *diag);
void store_abort(struct store_txn *txn);

/* Copies the value of `key`. NOT_FOUND; DAMAGED if it is longer than value->room. */
enum result store_get(struct store_txn *txn, enum store_table table, const void *key,
                      size_t key_len, struct store_item *value);
enum result store_put(struct store_txn *txn, enum store_table table, const void *key,
                      size_t key_len, const void *value, size_t value_len);
/* True if the write transaction has put or deleted anything. */
bool store_changed(const struct store_txn *txn);
/* NOT_FOUND if there is none. */
enum result store_delete(struct store_txn *txn, enum store_table table, const void *key,
                         size_t key_len);

/* Nearest neighbours of a key that need not be there: the last row before it, the first at or after
 * it, the first after it. `key` holds the key (its len may be 0: before all) and gets the one found
 * (room STORE_KEY_MAX), value (may be NULL) is filled. NOT_FOUND at the ends. No allocation after a
 * transaction's first of a table. */
enum store_seek {
    SEEK_BEFORE,
    SEEK_AT_OR_AFTER,
    SEEK_AFTER,
    SEEK_AT_OR_BEFORE,
    SEEK_FIRST,
    SEEK_LAST
};
enum result store_find(struct store_txn *txn, enum store_table table, enum store_seek seek,
                       struct store_item *key, struct store_item *value);

/* Every row in key order. `key` and `value` are valid during the call only; the visitor must not
 * write to the table. */
typedef enum result store_visit(const uint8_t *key, size_t key_len, const uint8_t *value,
                                size_t value_len, void *arg);
enum result store_each(struct store_txn *txn, enum store_table table, store_visit *visit,
                       void *arg);
/* Number of rows, of one table and of all. */
size_t store_count(struct store_txn *txn, enum store_table table);
size_t store_rows(struct store_txn *txn);

/* map_bytes is the address space of this process: for a reader the bound that all long-running
 * readers share, for a writer what it grows by itself. */
struct store_usage {
    uint64_t used_bytes, map_bytes;
    unsigned readers, readers_max;
    /* The oldest snapshot that somebody holds: how many commits there were since, and whose it is
     * (0: nobody's). Pages freed since then can't be used again, so the file grows. */
    uint64_t oldest_behind;
    long oldest_pid;
};
void store_usage(struct store *store, struct store_usage *out);
/* True if every user of the machine may write the store or replace it, with the path that allows
 * it. */
enum {
    STORE_EXPOSED_ROOM = 256
};
bool store_exposed(const char *state_dir, enum store_kind kind, char out[STORE_EXPOSED_ROOM]);
/* The same of what goes between server and probe. */
bool store_exchange_exposed(const char *state_dir, char out[STORE_EXPOSED_ROOM]);
/* True if the directory, a state or a backup, has such a store. */
bool store_is_in(const char *dir, enum store_kind kind);
/* Looks at the whole store of a backup. */
enum result store_check_backup(const char *dir, enum store_kind kind, struct diag *diag);
/* Puts the rows of the backup `dir`, brought to the schema of now, in the place of all rows of the
 * store. What must not go back with them is the caller's to put right before it commits
 * (registry_restored). */
enum result store_restore(struct store_txn *txn, const char *dir, struct diag *diag);
/* Moves a damaged store's files out of the way, so that store_create makes a new one: data.mdb gets
 * another name, which the diag tells. Who has the store open goes on with the old file till
 * store_reopen. */
enum result store_set_aside(const char *state_dir, enum store_kind kind, struct diag *diag);
/* A consistent, compacted copy of the store into dir/<kind>, which must not exist yet. */
enum result store_backup(struct store *store, const char *dir, struct diag *diag);

#endif
