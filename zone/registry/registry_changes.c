/* The change log: which names changed in the last commits. It is one row of TABLE_META.
 *
 * Layout: u64 version of the last commit that wrote the log, u64 floor (changes up to this version
 * are forgotten), then for each change u64 version and u64 hash of the key, oldest first. */
#include "zone/registry/registry_private.h"

enum {
    CHANGE_LEN = 16,
    HEAD_LEN = 16,
    ROW_MAX = HEAD_LEN + REGISTRY_CHANGES_MAX * CHANGE_LEN
};

static const char row_key[] = "changes";

/* The commit's number as all processes know it. */
static uint64_t commit_of(const struct store_txn *txn)
{
    return store_version(txn) - store_origin(txn);
}

/* False if there is no log. */
static bool read_log(struct store_txn *txn, struct change_log *out)
{
    uint8_t data[ROW_MAX];
    struct store_item row = { .data = data, .room = sizeof(data) };
    if (store_get(txn, TABLE_META, row_key, sizeof(row_key) - 1, &row) != RESULT_OK ||
        row.len < HEAD_LEN || row.len % CHANGE_LEN != 0) {
        return false;
    }
    struct reader r = reader_of(data, row.len);
    out->last = read_u64(&r);
    out->floor = read_u64(&r);
    out->count = 0;
    while (reader_left(&r) > 0) {
        struct change_log_entry *entry = &out->list[out->count++];
        entry->version = read_u64(&r);
        entry->hash = read_u64(&r);
    }
    return true;
}

void registry_begin(struct registry_change *out, struct store_txn *txn, uint64_t now,
                    struct diag *diag)
{
    uint64_t before = commit_of(txn) - 1;
    out->txn = txn;
    out->now = now;
    out->diag = diag;
    out->apex.len = 0;
    /* An older program may have committed without a log. Then a new log begins. */
    if (!read_log(txn, &out->log) || out->log.last != before) {
        out->log.last = before;
        out->log.floor = before;
        out->log.count = 0;
    }
}

/* Drops an earlier change of the same name: the later one says as much. */
static void forget_name(struct change_log *log, uint64_t hash)
{
    size_t kept = 0;
    for (size_t i = 0; i < log->count; i++) {
        if (log->list[i].hash != hash) {
            log->list[kept++] = log->list[i];
        }
    }
    log->count = kept;
}

/* Forgets the changes of the oldest commit. */
static void forget_oldest(struct change_log *log)
{
    size_t gone = 0;
    log->floor = log->list[0].version;
    while (gone < log->count && log->list[gone].version <= log->floor) {
        gone++;
    }
    log->count -= gone;
    memmove(log->list, log->list + gone, log->count * sizeof(log->list[0]));
}

void registry_note(struct registry_change *change, const struct dname_key *key)
{
    struct change_log *log = &change->log;
    uint64_t version = commit_of(change->txn), hash = dname_key_hash(key);
    if (log->floor == version) { /* this commit changes too many names to list them */
        return;
    }
    forget_name(log, hash);
    if (log->count == REGISTRY_CHANGES_MAX) {
        forget_oldest(log);
    }
    if (log->floor < version) {
        log->list[log->count++] = (struct change_log_entry){ version, hash };
    }
}

void registry_note_all(struct registry_change *change)
{
    change->log.floor = commit_of(change->txn);
    change->log.count = 0;
}

enum result registry_save_log(struct registry_change *change)
{
    uint8_t data[ROW_MAX];
    struct change_log *log = &change->log;
    struct writer w = writer_of(data, sizeof(data));
    log->last = commit_of(change->txn);
    write_u64(&w, log->last);
    write_u64(&w, log->floor);
    for (size_t i = 0; i < log->count; i++) {
        write_u64(&w, log->list[i].version);
        write_u64(&w, log->list[i].hash);
    }
    return registry_put(change, TABLE_META, row_key, sizeof(row_key) - 1, &w);
}

enum result registry_changes(struct store_txn *txn, uint64_t since,
                             uint64_t out[REGISTRY_CHANGES_MAX], size_t *count)
{
    struct change_log log;
    size_t found = 0;
    uint64_t origin = store_origin(txn);
    if ((origin > 0 && since <= origin) || !read_log(txn, &log) || log.last != commit_of(txn)) {
        return RESULT_NOT_FOUND;
    }
    since -= origin;
    if (since < log.floor || since > log.last) {
        return RESULT_NOT_FOUND;
    }
    for (size_t i = 0; i < log.count; i++) {
        if (log.list[i].version > since) {
            out[found++] = log.list[i].hash;
        }
    }
    *count = found;
    return RESULT_OK;
}
