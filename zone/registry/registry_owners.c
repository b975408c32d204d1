/* The owners of addresses and targets: TABLE_ADDRESSES. */
#include "zone/registry/registry_private.h"

/* A target's key: 16 zeros and the name. No address has such a key. */
struct target_key {
    uint8_t octets[sizeof(struct address) + DNAME_MAX];
    size_t len;
};

static struct target_key key_of_target(const struct dname *target)
{
    struct target_key key = { .len = sizeof(struct address) + target->len };
    struct dname lower = *target;
    dname_lower(&lower);
    memcpy(key.octets + sizeof(struct address), lower.wire, lower.len);
    return key;
}

/* The label of the member that owns a key of TABLE_ADDRESSES, "" if none does. */
static enum result owner_of(struct store_txn *txn, const uint8_t *key, size_t key_len,
                            char out[LABEL_ROOM])
{
    struct store_item item = { .data = (uint8_t *)out, .room = LABEL_MAX };
    enum result result = store_get(txn, TABLE_ADDRESSES, key, key_len, &item);
    out[result == RESULT_OK ? item.len : 0] = '\0';
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

enum result registry_check_owners(struct registry_change *change, const struct member *member,
                                  const struct dname *kept)
{
    char text[ADDRESS_TEXT_MAX], owner[LABEL_ROOM];
    for (unsigned i = 0; i < member->address_count; i++) {
        const struct address *address = &member->addresses[i];
        if (owner_of(change->txn, address->octets, sizeof(address->octets), owner) != RESULT_OK) {
            return registry_damaged(change->diag, address_text(address, text));
        }
        if (owner[0] != '\0' && strcmp(owner, member->label) != 0) {
            return diag_fail(change->diag, RESULT_EXISTS,
                             "%s: the address %s belongs to the member %s", member->label,
                             address_text(address, text), owner);
        }
    }
    if (member->target.len == 0 || dname_equal(&member->target, kept)) {
        return RESULT_OK;
    }
    const struct target_key key = key_of_target(&member->target);
    if (owner_of(change->txn, key.octets, key.len, owner) != RESULT_OK) {
        return registry_damaged(change->diag, member->label);
    }
    return owner[0] == '\0' || strcmp(owner, member->label) == 0
               ? RESULT_OK
               : diag_fail(change->diag, RESULT_EXISTS, "%s: its target belongs to the member %s",
                           member->label, owner);
}

enum result registry_drop_target(struct store_txn *txn, const struct member *member)
{
    const struct target_key key = key_of_target(&member->target);
    char owner[LABEL_ROOM];
    enum result result = owner_of(txn, key.octets, key.len, owner);
    return result == RESULT_OK && strcmp(owner, member->label) == 0
               ? store_delete(txn, TABLE_ADDRESSES, key.octets, key.len)
               : result;
}

enum result registry_enter_target(struct registry_change *change, const struct member *member)
{
    const struct target_key key = key_of_target(&member->target);
    char owner[LABEL_ROOM];
    enum result result = owner_of(change->txn, key.octets, key.len, owner);
    if (result == RESULT_OK && owner[0] == '\0') {
        result = store_put(change->txn, TABLE_ADDRESSES, key.octets, key.len, member->label,
                           strlen(member->label));
    }
    return registry_written(change->diag, result);
}

static enum result index_target(const struct member *member, void *arg)
{
    struct registry_change *change = arg;
    return member->target.len == 0 ? RESULT_OK : registry_enter_target(change, member);
}

enum result registry_index_targets(struct registry_change *change)
{
    enum result result = registry_each(change->txn, index_target, change);
    return result == RESULT_DAMAGED ? registry_damaged(change->diag, "the members") : result;
}
