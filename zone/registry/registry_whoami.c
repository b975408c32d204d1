/* The name `_whoami` of the pool, which is there while the setting `whoami` is on. */
#include "zone/registry/registry_private.h"

bool registry_is_whoami(struct store_txn *txn, const struct dname_key *key)
{
    const struct dname_key whoami = registry_key_of(NODE_WHOAMI_LABEL);
    struct node node;
    uint8_t buffer[NODE_ENCODED_MAX];
    return dname_key_compare(key, &whoami) == 0 &&
           registry_node(txn, key, buffer, &node) == RESULT_OK && node.kind == NODE_WHOAMI;
}

enum result registry_put_whoami(struct registry_change *change, bool on)
{
    const struct dname_key key = registry_key_of(NODE_WHOAMI_LABEL);
    struct node node;
    uint8_t buffer[NODE_ENCODED_MAX];
    enum result result = registry_node(change->txn, &key, buffer, &node);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_unreadable(change->diag, result, NODE_WHOAMI_LABEL);
    }
    bool there = result == RESULT_OK && node.kind == NODE_WHOAMI;
    if (there == on) {
        return RESULT_OK;
    }
    if (there) {
        return registry_written(change->diag, registry_delete_node(change, &key));
    }
    if (result == RESULT_OK) {
        return diag_fail(change->diag, RESULT_REFUSED,
                         "the name " NODE_WHOAMI_LABEL " has records of yours: remove them first");
    }
    return registry_put_node(change, &key, &(struct node){ .kind = NODE_WHOAMI });
}
