/* The names table: nodes by the canonical keys of their names. The key of the apex is empty, which
 * LMDB does not take, so its row has the key 00. No other key starts with 00, so the order stays
 * canonical. */
#include "zone/registry/registry_private.h"

static const uint8_t apex_row[] = { 0 };

static struct store_item row_key_of(const struct dname_key *key, uint8_t *data)
{
    const uint8_t *octets = key->len == 0 ? apex_row : key->octets;
    struct store_item item = { .len = key->len == 0 ? sizeof(apex_row) : key->len,
                               .data = data,
                               .room = STORE_KEY_MAX };
    memcpy(data, octets, item.len);
    return item;
}

bool registry_key_of_row(struct dname_key *out, const uint8_t *data, size_t len)
{
    bool apex = len == sizeof(apex_row) && data[0] == apex_row[0];
    if (!apex && (len == 0 || len > DNAME_KEY_MAX || data[0] == 0 || data[len - 1] != 0)) {
        return false;
    }
    out->len = apex ? 0 : (uint16_t)len;
    memcpy(out->octets, data, out->len);
    return true;
}

struct dname_key registry_key_of(const char *label)
{
    struct dname_key key = { .len = (uint16_t)(strlen(label) + 1) };
    memcpy(key.octets, label, key.len);
    return key;
}

enum result registry_node_row(struct store_txn *txn, const struct dname_key *key, uint8_t *buffer,
                              size_t *len)
{
    const uint8_t *octets = key->len == 0 ? apex_row : key->octets;
    struct store_item value = { .room = NODE_ENCODED_MAX };
    value.data = buffer;
    enum result result =
        store_get(txn, TABLE_NAMES, octets, key->len == 0 ? sizeof(apex_row) : key->len, &value);
    if (result == RESULT_OK) {
        *len = value.len;
    }
    return result;
}

enum result registry_node(struct store_txn *txn, const struct dname_key *key, uint8_t *buffer,
                          struct node *out)
{
    size_t len = 0;
    TRY(registry_node_row(txn, key, buffer, &len));
    return node_decode(out, buffer, len);
}

enum result registry_near_key(struct store_txn *txn, enum store_seek seek,
                              const struct dname_key *key, struct dname_key *found)
{
    uint8_t row[STORE_KEY_MAX];
    struct store_item row_key = row_key_of(key, row);
    enum result result = store_find(txn, TABLE_NAMES, seek, &row_key, NULL);
    if (result == RESULT_OK && !registry_key_of_row(found, row, row_key.len)) {
        return RESULT_DAMAGED;
    }
    return result;
}

struct each {
    node_visit *visit;
    void *arg;
};

static enum result each_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                            size_t value_len, void *arg)
{
    const struct each *each = arg;
    struct dname_key name;
    struct node node;
    if (!registry_key_of_row(&name, key, key_len)) {
        return RESULT_DAMAGED;
    }
    TRY(node_decode(&node, value, value_len));
    return each->visit(&name, &node, each->arg);
}

enum result registry_nodes(struct store_txn *txn, node_visit *visit, void *arg)
{
    struct each each = { visit, arg };
    return store_each(txn, TABLE_NAMES, each_row, &each);
}

/* Notes a node that was added or removed: its own NSEC changed, and that of the node before it. */
static enum result note_link(struct registry_change *change, const struct dname_key *key)
{
    struct dname_key before;
    registry_note(change, key);
    enum result result = registry_near_key(change->txn, SEEK_BEFORE, key, &before);
    if (result == RESULT_OK) {
        registry_note(change, &before);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

enum result registry_put_node(struct registry_change *change, const struct dname_key *key,
                              const struct node *node)
{
    uint8_t row[STORE_KEY_MAX], data[NODE_ENCODED_MAX];
    struct store_item row_key = row_key_of(key, row);
    struct writer w = writer_of(data, sizeof(data));
    bool known = store_get(change->txn, TABLE_NAMES, row, row_key.len, NULL) == RESULT_OK;
    node_encode(&w, node);
    if (w.failed) {
        return diag_fail(change->diag, RESULT_TOO_LONG,
                         "the records of one name take over %d octets", NODE_ENCODED_MAX);
    }
    TRY(registry_put(change, TABLE_NAMES, row, row_key.len, &w));
    if (!known) {
        return registry_written(change->diag, note_link(change, key));
    }
    registry_note(change, key);
    return RESULT_OK;
}

enum result registry_delete_node(struct registry_change *change, const struct dname_key *key)
{
    uint8_t row[STORE_KEY_MAX];
    struct store_item row_key = row_key_of(key, row);
    TRY(store_delete(change->txn, TABLE_NAMES, row, row_key.len));
    return note_link(change, key);
}

enum result registry_occupied(struct store_txn *txn, const struct dname_key *key, bool *out)
{
    uint8_t row[STORE_KEY_MAX];
    struct store_item row_key = row_key_of(key, row);
    struct dname_key near;
    enum result result = store_find(txn, TABLE_NAMES, SEEK_AT_OR_AFTER, &row_key, NULL);
    if (result == RESULT_NOT_FOUND) {
        *out = false;
        return RESULT_OK;
    }
    if (result != RESULT_OK || !registry_key_of_row(&near, row, row_key.len)) {
        return RESULT_DAMAGED;
    }
    *out = dname_key_under(&near, key);
    return RESULT_OK;
}
