/* Members with their names and addresses. */
#include "zone/base/u64.h"
#include "zone/registry/registry_private.h"

bool registry_label(char out[LABEL_ROOM], const char *label)
{
    size_t len = strlen(label);
    if (len == 0 || len > LABEL_MAX) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        out[i] = (char)(label[i] >= 'A' && label[i] <= 'Z' ? label[i] | 0x20 : label[i]);
    }
    return true;
}

/* A row has the label of its member as the key. */
static enum result check_key(const struct member *member, const void *key, size_t key_len)
{
    return strlen(member->label) == key_len && memcmp(member->label, key, key_len) == 0
               ? RESULT_OK
               : RESULT_DAMAGED;
}

enum result registry_member(struct store_txn *txn, const char *label, struct member *out)
{
    char key[LABEL_ROOM];
    uint8_t data[MEMBER_ENCODED_MAX];
    struct member member;
    struct store_item item = { .data = data, .room = sizeof(data) };
    if (!registry_label(key, label)) {
        return RESULT_NOT_FOUND;
    }
    TRY(store_get(txn, TABLE_MEMBERS, key, strlen(key), &item));
    TRY(member_decode(&member, data, item.len));
    TRY(check_key(&member, key, strlen(key)));
    *out = member;
    return RESULT_OK;
}

struct each {
    member_visit *visit;
    void *arg;
};

static enum result each_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                            size_t value_len, void *arg)
{
    const struct each *each = arg;
    struct member member;
    TRY(member_decode(&member, value, value_len));
    TRY(check_key(&member, key, key_len));
    return each->visit(&member, each->arg);
}

enum result registry_each(struct store_txn *txn, member_visit *visit, void *arg)
{
    struct each each = { visit, arg };
    return store_each(txn, TABLE_MEMBERS, each_row, &each);
}

static enum result found_or_missing(enum result result)
{
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* Deletes the member's rows in other tables: its name, addresses and target. */
static enum result clear_traces(struct registry_change *change, const struct member *member)
{
    struct store_txn *txn = change->txn;
    struct dname_key key = registry_key_of(member->label);
    enum result result = found_or_missing(registry_delete_node(change, &key));
    for (unsigned i = 0; i < member->address_count && result == RESULT_OK; i++) {
        const struct address *address = &member->addresses[i];
        result = found_or_missing(
            store_delete(txn, TABLE_ADDRESSES, address->octets, sizeof(address->octets)));
    }
    if (result == RESULT_OK && member->target.len > 0) {
        result = found_or_missing(registry_drop_target(txn, member));
    }
    return registry_written(change->diag, result);
}

/* The row, the owners of the addresses, and the target's owner or the name. */
static enum result put_member(struct registry_change *change, const struct member *member)
{
    uint8_t data[MEMBER_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    size_t len = strlen(member->label);
    member_encode(&w, member);
    TRY(registry_put(change, TABLE_MEMBERS, member->label, len, &w));
    for (unsigned i = 0; i < member->address_count; i++) {
        const struct address *address = &member->addresses[i];
        TRY(registry_written(change->diag, store_put(change->txn, TABLE_ADDRESSES, address->octets,
                                                     sizeof(address->octets), member->label, len)));
    }
    if (member->target.len > 0) {
        return registry_enter_target(change, member);
    }
    struct node node = { .kind = NODE_MEMBER,
                         .member_id = member->id,
                         .address_count = member->address_count };
    memcpy(node.addresses, member->addresses, sizeof(node.addresses));
    memcpy(node.accounturi, member->accounturi, sizeof(node.accounturi));
    struct dname_key key = registry_key_of(member->label);
    return registry_put_node(change, &key, &node);
}

enum result registry_enter_member(struct registry_change *change, const struct member *member)
{
    TRY(put_member(change, member));
    return registry_enter_regions(change, member->country);
}

enum result registry_leave_member(struct registry_change *change, const struct member *member)
{
    TRY(clear_traces(change, member));
    return registry_leave_regions(change, member->country);
}

/* Takes the next id. Ids are never reused. */
static enum result take_id(struct registry_change *change, uint64_t *out)
{
    uint8_t data[8];
    struct reader r;
    enum result result = registry_row(change->txn, REGISTRY_NEXT_ID, data, sizeof(data), &r);
    uint64_t id = result == RESULT_OK ? read_u64(&r) : 0;
    if (result != RESULT_OK || !reader_done(&r) || id == 0) {
        return registry_damaged(change->diag, "the next member id");
    }
    struct writer w = writer_of(data, sizeof(data));
    write_u64(&w, id + 1);
    TRY(registry_put_row(change, REGISTRY_NEXT_ID, &w));
    *out = id;
    return RESULT_OK;
}

/* Neither a member nor a record of the zone may have the label. */
static enum result check_label(struct registry_change *change, const struct member *member)
{
    const char *label = member->label;
    enum result result = store_get(change->txn, TABLE_MEMBERS, label, strlen(label), NULL);
    if (result == RESULT_OK) {
        return diag_fail(change->diag, RESULT_EXISTS, "%s is a member already", label);
    }
    if (result != RESULT_NOT_FOUND) {
        return registry_unreadable(change->diag, result, label);
    }
    bool occupied = false;
    struct dname_key key = registry_key_of(label);
    if (registry_occupied(change->txn, &key, &occupied) != RESULT_OK) {
        return registry_damaged(change->diag, "the names");
    }
    if (occupied) {
        return diag_fail(change->diag, RESULT_REFUSED,
                         "%s is taken by a record of the zone itself: choose another name", label);
    }
    return RESULT_OK;
}

enum result registry_add(struct registry_change *change, struct member *member, bool allow_private)
{
    const struct dname no_target = { .len = 0 }, *apex;
    struct member added = *member;
    TRY(registry_zone(change, &apex));
    TRY(label_check(added.label, member->label, change->diag));
    TRY(member_check(&added, apex, allow_private, change->diag));
    TRY(check_label(change, &added));
    TRY(registry_check_quarantine(change, &added));
    TRY(registry_check_owners(change, &added, &no_target));
    TRY(take_id(change, &added.id));
    added.added_at = change->now;
    added.changed_at = change->now;
    TRY(registry_enter_member(change, &added));
    *member = added;
    return RESULT_OK;
}

/* The present member, with a diag if there is none. */
static enum result find_member(const struct registry_change *change, const char *label,
                               struct member *out)
{
    enum result result = registry_member(change->txn, label, out);
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(change->diag, result, "there is no member \"%.63s\"", label);
    }
    return result == RESULT_OK ? RESULT_OK : registry_unreadable(change->diag, result, label);
}

enum result registry_update(struct registry_change *change, const struct member *member,
                            bool allow_private)
{
    struct member old = { 0 }, updated = *member;
    const struct dname *apex;
    TRY(registry_zone(change, &apex));
    TRY(find_member(change, member->label, &old));
    memcpy(updated.label, old.label, sizeof(updated.label));
    updated.id = old.id;
    updated.added_at = old.added_at;
    updated.changed_at = change->now;
    TRY(member_check(&updated, apex, allow_private, change->diag));
    TRY(registry_check_owners(change, &updated, &old.target));
    TRY(clear_traces(change, &old));
    TRY(put_member(change, &updated));
    if (strcmp(old.country, updated.country) == 0) {
        return RESULT_OK;
    }
    TRY(registry_leave_regions(change, old.country));
    return registry_enter_regions(change, updated.country);
}

enum result registry_remove(struct registry_change *change, const char *label,
                            uint64_t quarantined_until)
{
    struct member old = { 0 };
    struct tombstone tombstone = { 0 };
    TRY(find_member(change, label, &old));
    /* The member may have come back during its quarantine. Then that one still holds. */
    enum result result = registry_tombstone(change->txn, label, &tombstone);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_unreadable(change->diag, result, label);
    }
    tombstone.quarantined_until = u64_max(tombstone.quarantined_until, quarantined_until);
    tombstone.removed_at = change->now;
    tombstone.kept = true;
    tombstone.member = old;
    memcpy(tombstone.operator_name, old.operator_name, sizeof(tombstone.operator_name));
    TRY(registry_leave_member(change, &old));
    TRY(registry_written(change->diag,
                         store_delete(change->txn, TABLE_MEMBERS, old.label, strlen(old.label))));
    TRY(registry_purge_tombstones(change));
    return registry_put_tombstone(change, old.label, &tombstone);
}

/* The member that a tombstone keeps. */
static enum result find_removed(const struct registry_change *change, const char *label,
                                struct member *out)
{
    struct tombstone tombstone;
    enum result result = registry_tombstone(change->txn, label, &tombstone);
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(change->diag, result,
                         "no removed member %.63s is known: `ntspool member list --removed` lists "
                         "them",
                         label);
    }
    if (result != RESULT_OK) {
        return registry_unreadable(change->diag, result, label);
    }
    if (!tombstone.kept) {
        return diag_fail(change->diag, RESULT_REFUSED,
                         "%.63s was removed by an earlier version, which kept nothing of it: "
                         "add it again",
                         label);
    }
    *out = tombstone.member;
    return RESULT_OK;
}

enum result registry_restore(struct registry_change *change, const char *label, struct member *out)
{
    const struct dname no_target = { .len = 0 };
    struct member member = { .id = 0 };
    TRY(find_removed(change, label, &member));
    TRY(check_label(change, &member));
    TRY(registry_check_owners(change, &member, &no_target));
    if (member.leave_at <= change->now) { /* or it would leave again */
        member.leave_at = 0;
    }
    member.changed_at = change->now;
    TRY(registry_enter_member(change, &member));
    *out = member;
    return RESULT_OK;
}
