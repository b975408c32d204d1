/* The names table: nodes by canonical key, and the operator's static records.
 *
 * A row's key is the name's canonical key. The apex's is empty, which LMDB does not take, so its
 * row has the key 00, with which no other can start: order and lookups stay as they are. */
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

/* False if the octets are no row's key. */
static bool key_of_row(struct dname_key *out, const uint8_t *data, size_t len)
{
    bool apex = len == sizeof(apex_row) && data[0] == apex_row[0];
    if (!apex && (len == 0 || len > DNAME_KEY_MAX || data[0] == 0 || data[len - 1] != 0)) {
        return false;
    }
    out->len = apex ? 0 : (uint16_t)len;
    memcpy(out->octets, data, out->len);
    return true;
}

struct dname_key registry_key_of(const char *second, const char *first)
{
    struct dname_key key;
    size_t len = strlen(second) + 1;
    memcpy(key.octets, second, len);
    if (first != NULL) {
        memcpy(key.octets + len, first, strlen(first) + 1);
        len += strlen(first) + 1;
    }
    key.len = (uint16_t)len;
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
    enum result result = registry_node_row(txn, key, buffer, &len);
    return result != RESULT_OK ? result : node_decode(out, buffer, len);
}

enum result registry_near_key(struct store_txn *txn, enum store_seek seek,
                              const struct dname_key *key, struct dname_key *found)
{
    uint8_t row[STORE_KEY_MAX];
    struct store_item row_key = row_key_of(key, row);
    enum result result = store_find(txn, TABLE_NAMES, seek, &row_key, NULL);
    if (result == RESULT_OK && !key_of_row(found, row, row_key.len)) {
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
    if (!key_of_row(&name, key, key_len)) {
        return RESULT_DAMAGED;
    }
    enum result result = node_decode(&node, value, value_len);
    return result == RESULT_OK ? each->visit(&name, &node, each->arg) : result;
}

enum result registry_nodes(struct store_txn *txn, node_visit *visit, void *arg)
{
    struct each each = { visit, arg };
    return store_each(txn, TABLE_NAMES, each_row, &each);
}

/* Notes a node that is new or gone: its own NSEC and that of the one before it are others now. */
static enum result note_link(struct store_txn *txn, const struct dname_key *key)
{
    struct dname_key before;
    enum result result = registry_note(txn, key);
    if (result == RESULT_OK) {
        result = registry_near_key(txn, SEEK_BEFORE, key, &before);
        result = result == RESULT_OK ? registry_note(txn, &before) : result;
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

enum result registry_put_node(struct store_txn *txn, const struct dname_key *key,
                              const struct node *node, struct diag *diag)
{
    uint8_t row[STORE_KEY_MAX], data[NODE_ENCODED_MAX];
    struct store_item row_key = row_key_of(key, row);
    size_t old_len = 0;
    bool known = registry_node_row(txn, key, data, &old_len) == RESULT_OK;
    struct writer w = writer_of(data, sizeof(data));
    node_encode(&w, node);
    if (w.failed) {
        return diag_fail(diag, RESULT_TOO_LONG, "the records of one name take over %d octets",
                         NODE_ENCODED_MAX);
    }
    enum result result = registry_put(txn, TABLE_NAMES, row, row_key.len, &w, diag);
    if (result == RESULT_OK) {
        result = registry_written(diag, known ? registry_note(txn, key) : note_link(txn, key));
    }
    return result;
}

enum result registry_delete_node(struct store_txn *txn, const struct dname_key *key)
{
    uint8_t row[STORE_KEY_MAX];
    struct store_item row_key = row_key_of(key, row);
    enum result result = store_delete(txn, TABLE_NAMES, row, row_key.len);
    return result == RESULT_OK ? note_link(txn, key) : result;
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
    if (result != RESULT_OK || !key_of_row(&near, row, row_key.len)) {
        return RESULT_DAMAGED;
    }
    *out = dname_key_under(&near, key);
    return RESULT_OK;
}
