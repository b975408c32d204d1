/* Tombstones: what removed members leave. A tombstone quarantines the label and keeps the member,
 * so that it can be restored.
 *
 * Layout: u64 removed_at, u64 quarantined_until, text operator_name, then the member as its own row
 * had it (nothing in schema 2). */
#include "zone/base/isotime.h"
#include "zone/registry/registry_private.h"

enum {
    TOMBSTONE_MAX = 128 + MEMBER_ENCODED_MAX
};

static enum result decode(struct tombstone *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct tombstone tombstone = { .kept = false };
    tombstone.removed_at = read_u64(&r);
    tombstone.quarantined_until = read_u64(&r);
    read_text(&r, tombstone.operator_name, sizeof(tombstone.operator_name));
    tombstone.kept = reader_left(&r) > 0;
    if (r.failed) {
        return RESULT_DAMAGED;
    }
    if (tombstone.kept) {
        TRY(member_decode(&tombstone.member, data + r.at, reader_left(&r)));
    }
    *out = tombstone;
    return RESULT_OK;
}

struct each {
    tombstone_visit *visit;
    void *arg;
};

static enum result each_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                            size_t value_len, void *arg)
{
    const struct each *each = arg;
    struct tombstone tombstone;
    char label[LABEL_ROOM];
    if (key_len >= sizeof(label)) {
        return RESULT_DAMAGED;
    }
    TRY(decode(&tombstone, value, value_len));
    memcpy(label, key, key_len);
    label[key_len] = '\0';
    return each->visit(label, &tombstone, each->arg);
}

enum result registry_tombstones(struct store_txn *txn, tombstone_visit *visit, void *arg)
{
    struct each each = { visit, arg };
    return store_each(txn, TABLE_TOMBSTONES, each_row, &each);
}

enum result registry_tombstone(struct store_txn *txn, const char *label, struct tombstone *out)
{
    char key[LABEL_ROOM];
    uint8_t data[TOMBSTONE_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    if (!registry_label(key, label)) {
        return RESULT_NOT_FOUND;
    }
    TRY(store_get(txn, TABLE_TOMBSTONES, key, strlen(key), &item));
    return decode(out, data, item.len);
}

/* Finds the first one after `key` whose time is over. A row that can't be read stays: its label
 * remains quarantined. */
static enum result find_over(struct store_txn *txn, uint64_t now, struct store_item *key)
{
    uint8_t data[TOMBSTONE_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    for (;;) {
        struct tombstone tombstone;
        TRY(store_find(txn, TABLE_TOMBSTONES, SEEK_AFTER, key, &item));
        if (decode(&tombstone, data, item.len) == RESULT_OK && tombstone.quarantined_until <= now &&
            tombstone.removed_at + REGISTRY_TOMBSTONE_S <= now) {
            return RESULT_OK;
        }
    }
}

bool registry_has_old_tombstones(struct store_txn *txn, uint64_t now)
{
    uint8_t found[STORE_KEY_MAX];
    struct store_item key = { .data = found, .room = sizeof(found) };
    return find_over(txn, now, &key) == RESULT_OK;
}

enum result registry_purge_tombstones(struct registry_change *change)
{
    uint8_t found[STORE_KEY_MAX];
    struct store_item key = { .data = found, .room = sizeof(found) };
    if (change->purged_at == change->now) {
        return RESULT_OK;
    }
    change->purged_at = change->now;
    enum result result = find_over(change->txn, change->now, &key);
    for (unsigned i = 0; i < REGISTRY_PURGE_MAX && result == RESULT_OK; i++) {
        TRY(registry_written(change->diag,
                             store_delete(change->txn, TABLE_TOMBSTONES, key.data, key.len)));
        result = find_over(change->txn, change->now, &key);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : registry_written(change->diag, result);
}

enum result registry_put_tombstone(struct registry_change *change, const char *label,
                                   const struct tombstone *tombstone)
{
    uint8_t data[TOMBSTONE_MAX];
    struct writer w = writer_of(data, sizeof(data));
    write_u64(&w, tombstone->removed_at);
    write_u64(&w, tombstone->quarantined_until);
    write_text(&w, tombstone->operator_name);
    member_encode(&w, &tombstone->member);
    return registry_put(change, TABLE_TOMBSTONES, label, strlen(label), &w);
}

enum result registry_check_quarantine(struct registry_change *change, const struct member *member)
{
    struct tombstone tombstone;
    char end[ISOTIME_ROOM];
    enum result result = registry_tombstone(change->txn, member->label, &tombstone);
    if (result == RESULT_NOT_FOUND) {
        return RESULT_OK;
    }
    if (result != RESULT_OK) {
        return registry_unreadable(change->diag, result, member->label);
    }
    bool same_operator = tombstone.operator_name[0] != '\0' &&
                         strcmp(tombstone.operator_name, member->operator_name) == 0;
    if (change->now >= tombstone.quarantined_until || same_operator) {
        return RESULT_OK;
    }
    return diag_fail(change->diag, RESULT_REFUSED,
                     "%s was removed and is quarantined until %s, since a certificate for it may "
                     "live that long: choose another name",
                     member->label, isotime_text(tombstone.quarantined_until, end));
}
