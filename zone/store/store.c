/* Design note.
 *
 * Map. LMDB maps the file into a range of addresses that is fixed at open. The range is virtual:
 * the file is only as large as its data. A reader can't go on when the file outgrows its range, and
 * a transaction can't grow the range it runs in. So readers reserve far more than any pool needs.
 * Writers start with ten times the size of the largest import (100,000 members take about 100 MB)
 * and double the range before a transaction if it is over 70 % full. Growing moves the map, so it
 * happens only while this process has no transaction.
 *
 * Damage. LMDB trusts its file: a truncated or overwritten file ends in SIGBUS, SIGSEGV or an
 * assertion. So a child process reads every page before the store is opened, and only the child
 * dies. A voucher saves that work while only commits have changed the file (store_voucher.c).
 * Decoders find flipped bits in values.
 *
 * Creation. One transaction makes the tables and the format row. A file without tables comes from
 * an interrupted creation: store_open reports it as missing, store_create completes it. */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "zone/store/store_private.h"

static const char *const kind_texts[STORE_KINDS] = { "registry", "health",  "keys",
                                                     "traffic",  "history", "fleet" };

static const struct {
    const char *name;
    enum store_kind kind; /* STORE_KINDS: all */
    uint32_t since;       /* schema of the kind; 0: always there */
} tables[TABLE_COUNT] = {
    [TABLE_META] = { "meta", STORE_KINDS, 0 },
    [TABLE_SETTINGS] = { "settings", STORE_REGISTRY, 0 },
    [TABLE_NAMES] = { "names", STORE_REGISTRY, 0 },
    [TABLE_MEMBERS] = { "members", STORE_REGISTRY, 0 },
    [TABLE_ADDRESSES] = { "addresses", STORE_REGISTRY, 0 },
    [TABLE_TOMBSTONES] = { "tombstones", STORE_REGISTRY, 0 },
    [TABLE_VANTAGE_KEYS] = { "vantage-keys", STORE_REGISTRY, 3 },
    [TABLE_AUDIT] = { "audit", STORE_REGISTRY, 3 },
    [TABLE_HEALTH] = { "health", STORE_HEALTH, 0 },
    [TABLE_VANTAGES] = { "vantages", STORE_HEALTH, 2 },
    [TABLE_KEYS] = { "keys", STORE_KEYS, 0 },
    [TABLE_TRAFFIC] = { "traffic", STORE_TRAFFIC, 0 },
    [TABLE_SAMPLES] = { "samples", STORE_HISTORY, 0 },
    [TABLE_DAYS] = { "days", STORE_HISTORY, 0 },
    [TABLE_POOL] = { "pool", STORE_HISTORY, 2 },
    [TABLE_EVENTS] = { "events", STORE_HEALTH, 2 },
    [TABLE_REFUSALS] = { "refusals", STORE_HEALTH, 3 },
    [TABLE_NOTICES] = { "notices", STORE_HEALTH, 4 },
    [TABLE_MACHINES] = { "machines", STORE_REGISTRY, 5 },
    [TABLE_LEDGER] = { "ledger", STORE_REGISTRY, 5 },
    [TABLE_FEED] = { "feed", STORE_FLEET, 0 },
    [TABLE_PEERS] = { "peers", STORE_FLEET, 0 },
};

/* Registry 2: regions have names. Registry 3: an id, keys of vantage points, an audit trail.
 * Registry 4: contacts, leave and the unlisted flag of members. Registry 5: a fleet. Health 2: rows
 * of several vantage points. Health 3: which reports were taken in. Health 4: what contacts were
 * told. Traffic 2: also rows of days, and of the pool. History 2: counts of the pool. */
static const struct {
    uint32_t now, read; /* present schema; oldest that needs no migration to be read */
} schemas[STORE_KINDS] = {
    [STORE_REGISTRY] = { 5, 5 }, [STORE_HEALTH] = { 4, 4 },  [STORE_KEYS] = { 1, 1 },
    [STORE_TRAFFIC] = { 2, 1 },  [STORE_HISTORY] = { 2, 2 }, [STORE_FLEET] = { 1, 1 },
};

const char *store_kind_text(enum store_kind kind)
{
    ASSERT((unsigned)kind < STORE_KINDS);
    return kind_texts[kind];
}

const char *store_path_of(const struct store *store)
{
    return store->path;
}

const char *store_table_name(enum store_table table)
{
    return tables[table].name;
}

uint32_t store_schema(enum store_kind kind)
{
    return schemas[kind].now;
}

bool store_is_readable(enum store_kind kind, uint32_t schema)
{
    return schema >= schemas[kind].read && schema <= schemas[kind].now;
}

uint32_t store_table_since(enum store_table table)
{
    return tables[table].since;
}

bool store_has_table(enum store_kind kind, enum store_table table)
{
    return tables[table].kind == STORE_KINDS || tables[table].kind == kind;
}

enum result store_translate(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return RESULT_OK;
    case MDB_NOTFOUND:
        return RESULT_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_MAP_RESIZED:
        return RESULT_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_CURSOR_FULL:
    case MDB_INCOMPATIBLE:
        return RESULT_DAMAGED;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return RESULT_FOREIGN;
    case MDB_BAD_VALSIZE:
        return RESULT_INVALID;
    case ENOMEM:
        return RESULT_NO_MEMORY;
    case ESTALE:
        return RESULT_STALE;
    default:
        return RESULT_SYSTEM;
    }
}

enum result store_fail(struct diag *diag, const char *path, int rc, const char *doing)
{
    enum result result = store_translate(rc);
    if (rc == MDB_MAP_RESIZED) {
        return diag_fail(diag, result, "cannot %s %s: it outgrew this process: restart the program",
                         doing, path);
    }
    if (result == RESULT_FULL) {
        return diag_fail(diag, result,
                         "cannot %s %s: one change is larger than the store's map: split it", doing,
                         path);
    }
    if (result == RESULT_DAMAGED) {
        return diag_fail(diag, result,
                         "%s is damaged (%s): restore it from a backup (ntspool restore)", path,
                         mdb_strerror(rc));
    }
    const char *hint =
        rc == EACCES ? ": only the owner of its directory may open it, and root"
        : rc == EAGAIN
            ? ": a process with the same number (PID) has it open, in another PID namespace: "
              "let both run in one namespace (--pid of the container), or start this one again"
        : rc == ESTALE ? ": its file was replaced, and the new one can't be opened yet"
        : rc == ENOSPC ? ": free some space and repeat"
        : rc == EIO    ? ": is the disk full or broken?" /* LMDB's short writes */
                       : "";
    return diag_fail(diag, result, "cannot %s %s: %s%s", doing, path, mdb_strerror(rc), hint);
}

size_t store_map_bound(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        wanted > limit.rlim_cur / 16) {
        wanted = limit.rlim_cur / 16;
    }
    return (size_t)wanted;
}

static MDB_dbi dbi_of(const struct store_txn *txn, enum store_table table)
{
    ASSERT(!txn->resting && store_has_table(txn->store->kind, table));
    return txn->store->dbi[table];
}

static bool fits(const struct store_item *item, const MDB_val *val)
{
    return item == NULL || val->mv_size <= item->room;
}

static void copy_out(struct store_item *item, const MDB_val *val)
{
    if (item != NULL) {
        memcpy(item->data, val->mv_data, val->mv_size);
        item->len = val->mv_size;
    }
}

/* LMDB does not take an empty key, so no row has one. */
enum result store_get(struct store_txn *txn, enum store_table table, const void *key,
                      size_t key_len, struct store_item *value)
{
    MDB_dbi dbi = dbi_of(txn, table);
    MDB_val wanted = store_val(key, key_len), found;
    if (key_len == 0 || key_len > STORE_KEY_MAX) {
        return RESULT_NOT_FOUND;
    }
    int rc = mdb_get(txn->txn, dbi, &wanted, &found);
    if (rc != 0) {
        return store_translate(rc);
    }
    if (!fits(value, &found)) {
        return RESULT_DAMAGED;
    }
    copy_out(value, &found);
    return RESULT_OK;
}

static enum result written(struct store_txn *txn, int rc)
{
    if (rc != 0 && rc != MDB_NOTFOUND && txn->failed == 0) {
        txn->failed = rc;
    }
    txn->changed = txn->changed || rc == 0;
    return store_translate(rc);
}

void store_on_write(struct store_txn *txn, store_note *note, void *arg)
{
    ASSERT(txn->writing);
    txn->note = note;
    txn->note_arg = arg;
}

static void note_write(struct store_txn *txn, enum store_table table, const void *key,
                       size_t key_len)
{
    if (txn->note != NULL) {
        txn->note(txn, table, key, key_len, txn->note_arg);
    }
}

bool store_changed(const struct store_txn *txn)
{
    return txn->changed;
}

enum result store_put(struct store_txn *txn, enum store_table table, const void *key,
                      size_t key_len, const void *value, size_t value_len)
{
    MDB_dbi dbi = dbi_of(txn, table);
    ASSERT(txn->writing);
    if (key_len == 0 || key_len > STORE_KEY_MAX || value_len > STORE_VALUE_MAX) {
        return RESULT_INVALID;
    }
    if (txn->failed != 0) {
        return store_translate(txn->failed);
    }
    note_write(txn, table, key, key_len);
    MDB_val k = store_val(key, key_len), v = store_val(value, value_len);
    return written(txn, mdb_put(txn->txn, dbi, &k, &v, 0));
}

enum result store_delete(struct store_txn *txn, enum store_table table, const void *key,
                         size_t key_len)
{
    MDB_dbi dbi = dbi_of(txn, table);
    ASSERT(txn->writing);
    if (key_len == 0 || key_len > STORE_KEY_MAX) {
        return RESULT_NOT_FOUND;
    }
    if (txn->failed != 0) {
        return store_translate(txn->failed);
    }
    note_write(txn, table, key, key_len);
    MDB_val k = store_val(key, key_len);
    return written(txn, mdb_del(txn->txn, dbi, &k, NULL));
}

/* The table's cursor. It is opened once in the life of a transaction object; a renewed snapshot
 * reuses it without an allocation. */
static int cursor_of(struct store_txn *txn, enum store_table table, MDB_cursor **out)
{
    MDB_dbi dbi = dbi_of(txn, table);
    int rc = 0;
    if (txn->cursors[table] == NULL) {
        rc = mdb_cursor_open(txn->txn, dbi, &txn->cursors[table]);
    } else if (!txn->placed[table]) {
        rc = mdb_cursor_renew(txn->txn, txn->cursors[table]);
    }
    txn->placed[table] = rc == 0;
    *out = txn->cursors[table];
    return rc;
}

static bool same(const MDB_val *a, const MDB_val *b)
{
    return a->mv_size == b->mv_size && memcmp(a->mv_data, b->mv_data, a->mv_size) == 0;
}

static int seek_to(MDB_cursor *cursor, enum store_seek seek, MDB_val *key, MDB_val *value)
{
    if (key->mv_size == 0 && (seek == SEEK_AT_OR_AFTER || seek == SEEK_AFTER)) {
        seek = SEEK_FIRST;
    }
    if (seek == SEEK_FIRST || seek == SEEK_LAST) {
        return mdb_cursor_get(cursor, key, value, seek == SEEK_FIRST ? MDB_FIRST : MDB_LAST);
    }
    if (key->mv_size == 0) {
        return MDB_NOTFOUND;
    }
    MDB_val wanted = *key;
    int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    bool backwards = seek == SEEK_BEFORE || seek == SEEK_AT_OR_BEFORE;
    if (rc == MDB_NOTFOUND && backwards) {
        return mdb_cursor_get(cursor, key, value, MDB_LAST);
    }
    if (rc != 0) {
        return rc;
    }
    bool exact = same(key, &wanted);
    if (seek == SEEK_AFTER && exact) {
        return mdb_cursor_get(cursor, key, value, MDB_NEXT);
    }
    if (seek == SEEK_BEFORE || (seek == SEEK_AT_OR_BEFORE && !exact)) {
        return mdb_cursor_get(cursor, key, value, MDB_PREV);
    }
    return 0;
}

enum result store_find(struct store_txn *txn, enum store_table table, enum store_seek seek,
                       struct store_item *key, struct store_item *value)
{
    MDB_cursor *cursor;
    MDB_val k = store_val(key->data, key->len), v;
    int rc = cursor_of(txn, table, &cursor);
    if (rc == 0) {
        rc = seek_to(cursor, seek, &k, &v);
    }
    if (rc != 0) {
        return store_translate(rc);
    }
    if (!fits(key, &k) || !fits(value, &v)) {
        return RESULT_DAMAGED;
    }
    copy_out(key, &k);
    copy_out(value, &v);
    return RESULT_OK;
}

enum result store_each(struct store_txn *txn, enum store_table table, store_visit *visit, void *arg)
{
    MDB_cursor *cursor; /* not the transaction's: the visitor may use store_find */
    MDB_val key, value;
    int rc = mdb_cursor_open(txn->txn, dbi_of(txn, table), &cursor);
    if (rc != 0) {
        return store_translate(rc);
    }
    enum result result = RESULT_OK;
    while (result == RESULT_OK && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        result = visit(key.mv_data, key.mv_size, value.mv_data, value.mv_size, arg);
    }
    mdb_cursor_close(cursor);
    return rc == 0 || rc == MDB_NOTFOUND ? result : store_translate(rc);
}

size_t store_count(struct store_txn *txn, enum store_table table)
{
    MDB_stat stat;
    return mdb_stat(txn->txn, dbi_of(txn, table), &stat) == 0 ? stat.ms_entries : 0;
}

size_t store_rows(struct store_txn *txn)
{
    size_t rows = 0;
    for (int i = 0; i < TABLE_COUNT; i++) {
        if (store_has_table(txn->store->kind, (enum store_table)i)) {
            rows += store_count(txn, (enum store_table)i);
        }
    }
    return rows;
}
