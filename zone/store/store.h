/* The LMDB environments of a state directory. Only the files of this room include lmdb.h.
 *
 * Each kind of store has a directory of its own (state/registry ...), so that its owner decides who
 * may use it. Results are copied out of a transaction: no pointer into the map leaves it. Threads
 * may share a struct store, but not a store_txn. A process opens each store at most once (LMDB's
 * rule). Every store has a `meta` table with magic, kind and schema number, which are checked at
 * open. */
#ifndef ZONE_STORE_H
#define ZONE_STORE_H

#include "zone/names/dname.h"

enum store_kind {
    STORE_REGISTRY,
    STORE_HEALTH,
    STORE_KEYS,
    STORE_TRAFFIC,
    STORE_HISTORY,
    STORE_FLEET, /* of a machine in a fleet only; a backup does without it */
    STORE_KINDS,
    STORE_KINDS_ALONE = STORE_FLEET /* the kinds that every machine has */
};

/* Tables. Each belongs to one kind of store; META is in all. */
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
    TABLE_POOL,         /* history: kind and day -> counts (zone/overview/poolhistory.h) */
    TABLE_NOTICES,  /* health: member id -> what its contact was told (zone/verdicts/notice.h) */
    TABLE_MACHINES, /* registry: name -> machine of the fleet (zone/registry/machine.h) */
    TABLE_LEDGER,   /* registry: bucket, kind and name of a row -> digest (registry_ledger.h) */
    TABLE_FEED,     /* fleet: topic -> state of the feed */
    TABLE_PEERS,    /* fleet: kind, name and slice -> letter of another machine */
    TABLE_COUNT
};

enum {
    STORE_KEY_MAX = 511,
    STORE_VALUE_MAX = 65535
};

/* Address space, not memory or disk, to reserve for a store's file (design note in store.c). */
#define STORE_MAP_READER (UINT64_C(16) << 30)
#define STORE_MAP_WRITER (UINT64_C(1) << 30)

struct store;
struct store_txn;

/* Brings a store of an older schema to the present one, in a write transaction. The store does not
 * know its rows, so its users fill the table (zone/verdicts/migrations.c) by kind and schema. NULL:
 * there is no migration. */
enum {
    STORE_SCHEMAS_MAX = 5
};
typedef enum result store_migration(struct store_txn *txn, uint64_t now, struct diag *diag);
extern store_migration *const store_migrations[STORE_KINDS][STORE_SCHEMAS_MAX];

/* A key or value to copy in or out. */
struct store_item {
    size_t len;
    uint8_t *data;
    size_t room; /* of `data`, for an output */
};

const char *store_kind_text(enum store_kind kind);
/* The schema that this program writes. */
uint32_t store_schema(enum store_kind kind);

/* Makes an empty store. EXISTS if there is one. The directory state_dir must exist. */
enum result store_create(const char *state_dir, enum store_kind kind, struct diag *diag);
/* Opens an existing store. MISSING, FOREIGN, NEWER, DAMAGED or SYSTEM with a diag that names the
 * path and what to do. Clears the slots of dead readers. A child process reads every page before
 * this process maps the file, so that a damaged file can't crash it; unless that was done since the
 * machine's boot and only commits have changed the file since (store_voucher.c). */
enum result store_open(struct store **out, const char *state_dir, enum store_kind kind,
                       bool writable, struct diag *diag);
/* store_open with `map_bytes` of address space in place of STORE_MAP_READER or STORE_MAP_WRITER.
 * The map still grows. */
enum result store_open_sized(struct store **out, const char *state_dir, enum store_kind kind,
                             bool writable, uint64_t map_bytes, struct diag *diag);
/* store_open for reading, but the pages are not read first: for a process that needs little of a
 * large store, and that a damaged one may crash; or that has just inspected the store. */
enum result store_open_unread(struct store **out, const char *state_dir, enum store_kind kind,
                              struct diag *diag);
void store_close(struct store *store);
/* Its directory. */
const char *store_path_of(const struct store *store);
/* True if another file took the place of the open one, or the lock file is gone: then this process
 * and others don't see each other's changes. */
bool store_replaced(const struct store *store);
/* Switches to the new file if the store was replaced. This needs a moment in which no thread has a
 * snapshot; if there is none, `taken` is false and the caller tries again later. Read transactions
 * continue in the new file at their next renew, with a greater version. If the new file is damaged,
 * the diag says so and the old one stays in use. If the new file can't be opened although it was
 * sound a moment before, the store is unusable until a later call succeeds. One of the threads that
 * share the store may call this, between its own transactions. */
enum result store_reopen(struct store *store, bool *taken, struct diag *diag);

/* A read transaction sees the store as it was at store_read or the last store_renew. store_rest
 * gives up the snapshot, so that pages can be reused, and keeps the reader's slot. */
enum result store_read(struct store *store, struct store_txn **out, struct diag *diag);
enum result store_renew(struct store_txn *txn);
void store_rest(struct store_txn *txn);
/* The version of the snapshot. Every commit by any process raises it. */
uint64_t store_version(const struct store_txn *txn);
/* The part of store_version that only this process counts; versions in rows are without it. 0 until
 * the store is reopened. */
uint64_t store_origin(const struct store_txn *txn);

/* NEWER if a newer program has migrated the store since it was opened. */
enum result store_check(struct store_txn *txn, struct diag *diag);

/* A write transaction. Waits for the one of another process. Grows the map first if it is over 70 %
 * full. store_commit or store_abort ends and frees a transaction of either kind. */
enum result store_write(struct store *store, struct store_txn **out, struct diag *diag);
enum result store_commit(struct store_txn *txn, struct diag *diag);
void store_abort(struct store_txn *txn);

/* Copies the value of `key`. NOT_FOUND; DAMAGED if it is longer than value->room. */
enum result store_get(struct store_txn *txn, enum store_table table, const void *key,
                      size_t key_len, struct store_item *value);
enum result store_put(struct store_txn *txn, enum store_table table, const void *key,
                      size_t key_len, const void *value, size_t value_len);
/* Calls `note` before each row that the write transaction puts or deletes; it may read, but not
 * write. Rows that store_restore replaces are not told. */
typedef void store_note(struct store_txn *txn, enum store_table table, const void *key,
                        size_t key_len, void *arg);
void store_on_write(struct store_txn *txn, store_note *note, void *arg);
/* True if the write transaction has put or deleted anything. */
bool store_changed(const struct store_txn *txn);
/* NOT_FOUND if there is none. */
enum result store_delete(struct store_txn *txn, enum store_table table, const void *key,
                         size_t key_len);

/* Finds the nearest row to a key, which need not exist: the last row before it, the first at or
 * after it, and so on. `key` holds the key (length 0: before all) and gets the key of the row (room
 * STORE_KEY_MAX); `value` (may be NULL) gets its value. NOT_FOUND at the ends. Allocates only at a
 * transaction's first search of a table. */
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

/* Visits every row in key order, until the visitor fails. `key` and `value` are valid during the
 * call only. The visitor must not write to the table. */
typedef enum result store_visit(const uint8_t *key, size_t key_len, const uint8_t *value,
                                size_t value_len, void *arg);
enum result store_each(struct store_txn *txn, enum store_table table, store_visit *visit,
                       void *arg);
/* The number of rows of one table, and of all tables. */
size_t store_count(struct store_txn *txn, enum store_table table);
size_t store_rows(struct store_txn *txn);

/* map_bytes is the address space of this process: fixed for a reader, grown as needed by a writer.
 */
struct store_usage {
    uint64_t used_bytes, map_bytes;
    unsigned readers, readers_max;
    /* The oldest snapshot in use: the number of commits since, and the process that holds it (0:
     * none). Pages freed since then can't be reused, so the file grows. */
    uint64_t oldest_behind;
    long oldest_pid;
};
void store_usage(struct store *store, struct store_usage *out);
/* True if every user of the machine may write or replace the store. `out` gets the path that allows
 * it. */
enum {
    STORE_EXPOSED_ROOM = 256
};
bool store_exposed(const char *state_dir, enum store_kind kind, char out[STORE_EXPOSED_ROOM]);
/* The same for the files between server and probe. */
bool store_exchange_exposed(const char *state_dir, char out[STORE_EXPOSED_ROOM]);
/* True if the directory, a state or a backup, has such a store. */
bool store_is_in(const char *dir, enum store_kind kind);
/* Checks the whole store, as store_open does, and changes nothing. `as_is`: store_open would change
 * nothing either, as a reader; else it would migrate the store or make its lock file. */
enum result store_inspect(const char *state_dir, enum store_kind kind, bool *as_is,
                          struct diag *diag);
/* Checks the whole store of a backup. */
enum result store_check_backup(const char *dir, enum store_kind kind, struct diag *diag);
/* Replaces all rows of the store by those of the backup `dir`, migrated to the present schema. Some
 * values must not go back: the caller corrects them before it commits (registry_restored). */
enum result store_restore(struct store_txn *txn, const char *dir, struct diag *diag);
/* Moves the files of a damaged store out of the way, so that store_create can make a new one:
 * data.mdb gets another name, which the diag tells. Processes that have the store open use the old
 * file until store_reopen. */
enum result store_set_aside(const char *state_dir, enum store_kind kind, struct diag *diag);
/* Makes a consistent, compacted copy of the store in dir/<kind>, which must not exist. */
enum result store_backup(struct store *store, const char *dir, struct diag *diag);

#endif
