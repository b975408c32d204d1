/* The vantage points that the operator has named (TABLE_VANTAGE_KEYS). */
#include "zone/registry/registry_private.h"

enum {
    LAYOUT = 1,
    ENCODED_MAX = 64
};

static enum result decode(struct vantage_key *out, const uint8_t *name, size_t name_len,
                          const uint8_t *data, size_t len)
{
    struct vantage_key key = { .name = "" };
    struct reader r = reader_of(data, len);
    uint8_t layout = read_u8(&r);
    read_into(&r, key.key, sizeof(key.key));
    key.added_at = read_u64(&r);
    key.released_at = read_u64(&r);
    if (layout > LAYOUT) {
        return RESULT_NEWER;
    }
    if (!reader_done(&r) || layout != LAYOUT || name_len >= sizeof(key.name)) {
        return RESULT_DAMAGED;
    }
    memcpy(key.name, name, name_len);
    *out = key;
    return vantage_name_fine(key.name) ? RESULT_OK : RESULT_DAMAGED;
}

const struct vantage_key *vantage_keys_find(const struct vantage_keys *keys, const char *name)
{
    for (unsigned i = 0; i < keys->count; i++) {
        if (strcmp(keys->list[i].name, name) == 0) {
            return &keys->list[i];
        }
    }
    return NULL;
}

enum result registry_vantage(struct store_txn *txn, const char *name, struct vantage_key *out)
{
    uint8_t data[4 * ENCODED_MAX]; /* also for layouts to come */
    struct store_item item = { .data = data, .room = sizeof(data) };
    TRY(store_get(txn, TABLE_VANTAGE_KEYS, name, strlen(name), &item));
    return decode(out, (const uint8_t *)name, strlen(name), data, item.len);
}

/* A vantage point has one vote, so no two names may share a key. */
static enum result check_key(const struct registry_change *change, const struct vantage_key *key)
{
    struct vantage_keys keys = { .count = 0 };
    TRY(registry_vantages(change->txn, &keys, change->diag));
    for (unsigned i = 0; i < keys.count; i++) {
        const struct vantage_key *other = &keys.list[i];
        if (strcmp(other->name, key->name) != 0 &&
            memcmp(other->key, key->key, sizeof(key->key)) == 0) {
            return diag_fail(change->diag, RESULT_EXISTS,
                             "%s has this key already: each vantage point has one of its own, "
                             "which `ntspool vantage key --id %s` there makes",
                             other->name, key->name);
        }
    }
    return RESULT_OK;
}

enum result registry_put_vantage(struct registry_change *change, const struct vantage_key *key)
{
    uint8_t data[ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    struct vantage_key old = { .name = "" };
    if (!vantage_name_fine(key->name)) {
        return diag_fail(change->diag, RESULT_INVALID,
                         "a vantage point's name is 1 to %d of a-z, 0-9 and hyphens, no hyphen "
                         "first",
                         VANTAGE_ROOM - 1);
    }
    if (registry_vantage(change->txn, key->name, &old) == RESULT_NOT_FOUND &&
        store_count(change->txn, TABLE_VANTAGE_KEYS) >= VANTAGES_MAX) {
        return diag_fail(change->diag, RESULT_FULL,
                         "there are %d vantage points already: end one with `ntspool vantage "
                         "remove`",
                         VANTAGES_MAX);
    }
    if (memcmp(old.key, key->key, sizeof(old.key)) != 0) {
        TRY(check_key(change, key));
    }
    write_u8(&w, LAYOUT);
    write_octets(&w, key->key, sizeof(key->key));
    write_u64(&w, key->added_at);
    write_u64(&w, key->released_at);
    return registry_put(change, TABLE_VANTAGE_KEYS, key->name, strlen(key->name), &w);
}

enum result registry_remove_vantage(struct registry_change *change, const char *name)
{
    enum result result = store_delete(change->txn, TABLE_VANTAGE_KEYS, name, strlen(name));
    return result == RESULT_NOT_FOUND ? result : registry_written(change->diag, result);
}

static enum result add(const uint8_t *name, size_t name_len, const uint8_t *data, size_t len,
                       void *arg)
{
    struct vantage_keys *keys = arg;
    if (keys->count == VANTAGES_MAX) {
        return RESULT_DAMAGED;
    }
    return decode(&keys->list[keys->count++], name, name_len, data, len);
}

enum result registry_vantages(struct store_txn *txn, struct vantage_keys *out, struct diag *diag)
{
    struct vantage_keys keys = { 0 };
    if (store_each(txn, TABLE_VANTAGE_KEYS, add, &keys) != RESULT_OK) {
        return registry_damaged(diag, "a vantage point's key");
    }
    *out = keys;
    return RESULT_OK;
}
