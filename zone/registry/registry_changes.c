/* The journal of changed names: one row of TABLE_META, so that stores of before have none and are
 * not told apart.
 *
 * Layout: u64 version of the last commit that kept the journal, u64 floor (the version up to which
 * changes are forgotten), then for each change u64 version and u64 hash of the key, oldest
 * first. */
#include "zone/registry/registry_private.h"

enum {
    CHANGE_LEN = 16,
    HEAD_LEN = 16,
    ROW_MAX = HEAD_LEN + REGISTRY_CHANGES_MAX * CHANGE_LEN
};

static const char row_key[] = "changes";

struct change {
    uint64_t version, hash;
};

struct journal {
    uint64_t last, floor;
    size_t count;
    struct change list[REGISTRY_CHANGES_MAX];
};

/* False if there is no journal. */
static bool read_journal(struct store_txn *txn, struct journal *out)
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
        struct change *change = &out->list[out->count++];
        change->version = read_u64(&r);
        change->hash = read_u64(&r);
    }
    return true;
}

/* The number by which all processes know the commit. */
static uint64_t commit_of(const struct store_txn *txn)
{
    return store_version(txn) - store_origin(txn);
}

/* For the write transaction of `version`. Behind a commit that kept no journal, by a program of
 * before, a new one begins. */
static void continue_journal(struct store_txn *txn, uint64_t version, struct journal *out)
{
    if (!read_journal(txn, out) || out->last != version - 1) {
        *out = (struct journal){ .last = version - 1, .floor = version - 1 };
    }
}

static enum result write_journal(struct store_txn *txn, const struct journal *journal)
{
    uint8_t data[ROW_MAX];
    struct writer w = writer_of(data, sizeof(data));
    write_u64(&w, journal->last);
    write_u64(&w, journal->floor);
    for (size_t i = 0; i < journal->count; i++) {
        write_u64(&w, journal->list[i].version);
        write_u64(&w, journal->list[i].hash);
    }
    return store_put(txn, TABLE_META, row_key, sizeof(row_key) - 1, data, w.at);
}

/* Drops an earlier change of the same name: the later one says as much. */
static void forget_name(struct journal *journal, uint64_t hash)
{
    size_t kept = 0;
    for (size_t i = 0; i < journal->count; i++) {
        if (journal->list[i].hash != hash) {
            journal->list[kept++] = journal->list[i];
        }
    }
    journal->count = kept;
}

/* Forgets the oldest commit's changes. */
static void forget_oldest(struct journal *journal)
{
    size_t gone = 0;
    journal->floor = journal->list[0].version;
    while (gone < journal->count && journal->list[gone].version <= journal->floor) {
        gone++;
    }
    journal->count -= gone;
    memmove(journal->list, journal->list + gone, journal->count * sizeof(journal->list[0]));
}

enum result registry_note(struct store_txn *txn, const struct dname_key *key)
{
    struct journal journal;
    uint64_t version = commit_of(txn);
    continue_journal(txn, version, &journal);
    struct change change = { version, dname_key_hash(key) };
    bool noted = journal.floor == version; /* a change of so many names that they are not listed */
    for (size_t i = 0; i < journal.count; i++) {
        noted = noted || memcmp(&journal.list[i], &change, sizeof(change)) == 0;
    }
    if (noted) {
        return RESULT_OK;
    }
    forget_name(&journal, change.hash);
    if (journal.count == REGISTRY_CHANGES_MAX) {
        forget_oldest(&journal);
    }
    if (journal.floor < version) {
        journal.list[journal.count++] = change;
    }
    return write_journal(txn, &journal);
}

enum result registry_note_all(struct store_txn *txn)
{
    uint64_t version = commit_of(txn);
    return write_journal(txn, &(struct journal){ .last = version - 1, .floor = version });
}

enum result registry_close_journal(struct store_txn *txn)
{
    struct journal journal;
    uint64_t version = commit_of(txn);
    continue_journal(txn, version, &journal);
    journal.last = version;
    return write_journal(txn, &journal);
}

enum result registry_changes(struct store_txn *txn, uint64_t since,
                             uint64_t out[REGISTRY_CHANGES_MAX], size_t *count)
{
    struct journal journal;
    size_t found = 0;
    uint64_t origin = store_origin(txn);
    if ((origin > 0 && since <= origin) || !read_journal(txn, &journal) ||
        journal.last != commit_of(txn)) {
        return RESULT_NOT_FOUND;
    }
    since -= origin;
    if (since < journal.floor || since > journal.last) {
        return RESULT_NOT_FOUND;
    }
    for (size_t i = 0; i < journal.count; i++) {
        if (journal.list[i].version > since) {
            out[found++] = journal.list[i].hash;
        }
    }
    *count = found;
    return RESULT_OK;
}
