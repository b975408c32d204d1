/* Members, their names and addresses, and the tombstones they leave. */
#include <stdio.h>

#include "zone/base/isotime.h"
#include "zone/registry/registry_private.h"

enum {
    TOMBSTONE_MAX = 128 + MEMBER_ENCODED_MAX
};

/* A label as the tables' keys have it: lower case. False if it can't be one. */
static bool label_key(char out[LABEL_ROOM], const char *label)
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

static enum result decode_row(struct member *out, const uint8_t *key, size_t key_len,
                              const uint8_t *value, size_t value_len)
{
    struct member member;
    enum result result = member_decode(&member, value, value_len);
    if (result != RESULT_OK) {
        return result;
    }
    if (strlen(member.label) != key_len || memcmp(member.label, key, key_len) != 0) {
        return RESULT_DAMAGED;
    }
    *out = member;
    return RESULT_OK;
}

enum result registry_member(struct store_txn *txn, const char *label, struct member *out)
{
    char key[LABEL_ROOM];
    uint8_t data[MEMBER_ENCODED_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    if (!label_key(key, label)) {
        return RESULT_NOT_FOUND;
    }
    enum result result = store_get(txn, TABLE_MEMBERS, key, strlen(key), &item);
    return result != RESULT_OK ? result
                               : decode_row(out, (uint8_t *)key, strlen(key), data, item.len);
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
    enum result result = decode_row(&member, key, key_len, value, value_len);
    return result != RESULT_OK ? result : each->visit(&member, each->arg);
}

enum result registry_each(struct store_txn *txn, member_visit *visit, void *arg)
{
    struct each each = { visit, arg };
    return store_each(txn, TABLE_MEMBERS, each_row, &each);
}

/* Layout: u64 removed_at, u64 quarantined_until, text operator_name, then the member as its own row
 * had it (nothing in schema 2). */
static enum result decode_tombstone(struct tombstone *out, const uint8_t *data, size_t len)
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
    enum result result =
        tombstone.kept ? member_decode(&tombstone.member, data + r.at, reader_left(&r)) : RESULT_OK;
    if (result == RESULT_OK) {
        *out = tombstone;
    }
    return result;
}

struct each_tombstone {
    tombstone_visit *visit;
    void *arg;
};

static enum result each_tombstone(const uint8_t *key, size_t key_len, const uint8_t *value,
                                  size_t value_len, void *arg)
{
    const struct each_tombstone *each = arg;
    struct tombstone tombstone;
    char label[LABEL_ROOM];
    enum result result =
        key_len < sizeof(label) ? decode_tombstone(&tombstone, value, value_len) : RESULT_DAMAGED;
    if (result != RESULT_OK) {
        return result;
    }
    memcpy(label, key, key_len);
    label[key_len] = '\0';
    return each->visit(label, &tombstone, each->arg);
}

enum result registry_tombstones(struct store_txn *txn, tombstone_visit *visit, void *arg)
{
    struct each_tombstone each = { visit, arg };
    return store_each(txn, TABLE_TOMBSTONES, each_tombstone, &each);
}

enum result registry_tombstone(struct store_txn *txn, const char *label, struct tombstone *out)
{
    char key[LABEL_ROOM];
    uint8_t data[TOMBSTONE_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    if (!label_key(key, label)) {
        return RESULT_NOT_FOUND;
    }
    enum result result = store_get(txn, TABLE_TOMBSTONES, key, strlen(key), &item);
    return result == RESULT_OK ? decode_tombstone(out, data, item.len) : result;
}

/* A quarantine that is over bars nobody any more. A row that can't be read stays, and bars its
 * label. */
static enum result purge_tombstones(struct store_txn *txn, uint64_t now, struct diag *diag)
{
    uint8_t key[STORE_KEY_MAX], data[TOMBSTONE_MAX];
    struct store_item at = { .data = key, .room = sizeof(key) };
    struct store_item item = { .data = data, .room = sizeof(data) };
    enum result result = store_find(txn, TABLE_TOMBSTONES, SEEK_FIRST, &at, &item);
    while (result == RESULT_OK) {
        struct tombstone tombstone;
        bool over = decode_tombstone(&tombstone, data, item.len) == RESULT_OK &&
                    tombstone.quarantined_until <= now;
        result = over ? store_delete(txn, TABLE_TOMBSTONES, key, at.len) : RESULT_OK;
        if (result == RESULT_OK) {
            result = store_find(txn, TABLE_TOMBSTONES, SEEK_AFTER, &at, &item);
        }
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : registry_written(diag, result);
}

static enum result put_tombstone(struct store_txn *txn, const char *label,
                                 const struct tombstone *tombstone, struct diag *diag)
{
    uint8_t data[TOMBSTONE_MAX];
    struct writer w = writer_of(data, sizeof(data));
    write_u64(&w, tombstone->removed_at);
    write_u64(&w, tombstone->quarantined_until);
    write_text(&w, tombstone->operator_name);
    member_encode(&w, &tombstone->member);
    return registry_put(txn, TABLE_TOMBSTONES, label, strlen(label), &w, diag);
}

static enum result check_quarantine(struct store_txn *txn, const struct member *member,
                                    uint64_t now, struct diag *diag)
{
    struct tombstone tombstone;
    char end[ISOTIME_ROOM];
    enum result result = registry_tombstone(txn, member->label, &tombstone);
    if (result == RESULT_NOT_FOUND) {
        return RESULT_OK;
    }
    if (result != RESULT_OK) {
        return registry_unreadable(diag, result, member->label);
    }
    bool same_operator = tombstone.operator_name[0] != '\0' &&
                         strcmp(tombstone.operator_name, member->operator_name) == 0;
    if (now >= tombstone.quarantined_until || same_operator) {
        return RESULT_OK;
    }
    return diag_fail(diag, RESULT_REFUSED,
                     "%s was removed and is quarantined until %s, since a certificate for it may "
                     "live that long: choose another name",
                     member->label, isotime_text(tombstone.quarantined_until, end));
}

/* What an earlier row of the member has left elsewhere: addresses, target and the name. */
static enum result clear_traces(struct store_txn *txn, const struct member *member,
                                struct diag *diag)
{
    struct dname_key key = registry_key_of(member->label, NULL);
    enum result result = registry_delete_node(txn, &key);
    for (unsigned i = 0; i < member->address_count; i++) {
        if (result == RESULT_OK || result == RESULT_NOT_FOUND) {
            const uint8_t *octets = member->addresses[i].octets;
            result =
                store_delete(txn, TABLE_ADDRESSES, octets, sizeof(member->addresses[i].octets));
        }
    }
    if ((result == RESULT_OK || result == RESULT_NOT_FOUND) && member->target.len > 0) {
        result = registry_drop_target(txn, member);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : registry_written(diag, result);
}

static enum result put_member(struct store_txn *txn, const struct member *member, struct diag *diag)
{
    uint8_t data[MEMBER_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    size_t len = strlen(member->label);
    member_encode(&w, member);
    enum result result = registry_put(txn, TABLE_MEMBERS, member->label, len, &w, diag);
    for (unsigned i = 0; result == RESULT_OK && i < member->address_count; i++) {
        result = registry_written(diag, store_put(txn, TABLE_ADDRESSES, member->addresses[i].octets,
                                                  sizeof(member->addresses[i].octets),
                                                  member->label, len));
    }
    if (result != RESULT_OK || member->target.len > 0) {
        return result == RESULT_OK ? registry_enter_target(txn, member, diag) : result;
    }
    struct node node = { .kind = NODE_MEMBER,
                         .member_id = member->id,
                         .address_count = member->address_count };
    memcpy(node.addresses, member->addresses, sizeof(node.addresses));
    memcpy(node.accounturi, member->accounturi, sizeof(node.accounturi));
    struct dname_key key = registry_key_of(member->label, NULL);
    return registry_put_node(txn, &key, &node, diag);
}

/* Takes the next id; ids are never reused. */
static enum result take_id(struct store_txn *txn, uint64_t *out, struct diag *diag)
{
    uint8_t data[8];
    struct reader r;
    enum result result = registry_row(txn, REGISTRY_NEXT_ID, data, sizeof(data), &r);
    uint64_t id = result == RESULT_OK ? read_u64(&r) : 0;
    if (result != RESULT_OK || !reader_done(&r) || id == 0) {
        return registry_damaged(diag, "the next member id");
    }
    struct writer w = writer_of(data, sizeof(data));
    write_u64(&w, id + 1);
    result =
        registry_put(txn, TABLE_SETTINGS, REGISTRY_NEXT_ID, strlen(REGISTRY_NEXT_ID), &w, diag);
    if (result == RESULT_OK) {
        *out = id;
    }
    return result;
}

/* The label must be free: of a member, and of the zone's own records. */
static enum result check_label(struct store_txn *txn, const struct member *member,
                               struct diag *diag)
{
    enum result result = store_get(txn, TABLE_MEMBERS, member->label, strlen(member->label), NULL);
    if (result == RESULT_OK) {
        return diag_fail(diag, RESULT_EXISTS, "%s is a member already", member->label);
    }
    if (result != RESULT_NOT_FOUND) {
        return registry_unreadable(diag, result, member->label);
    }
    bool occupied = false;
    struct dname_key key = registry_key_of(member->label, NULL);
    if (registry_occupied(txn, &key, &occupied) != RESULT_OK) {
        return registry_damaged(diag, "the names");
    }
    if (occupied) {
        return diag_fail(diag, RESULT_REFUSED,
                         "%s is taken by a record of the zone itself: choose another name",
                         member->label);
    }
    return RESULT_OK;
}

enum result registry_add(struct store_txn *txn, struct member *member, bool allow_private,
                         uint64_t now, struct diag *diag)
{
    const struct dname none = { .len = 0 };
    struct member added = *member;
    struct dname apex;
    enum result result = registry_apex(txn, &apex, diag);
    if (result == RESULT_OK) {
        result = label_check(added.label, member->label, diag);
    }
    if (result == RESULT_OK) {
        result = member_check(&added, &apex, allow_private, diag);
    }
    if (result == RESULT_OK) {
        result = check_label(txn, &added, diag);
    }
    if (result == RESULT_OK) {
        result = check_quarantine(txn, &added, now, diag);
    }
    if (result == RESULT_OK) {
        result = registry_check_owners(txn, &added, &none, diag);
    }
    if (result == RESULT_OK) {
        result = take_id(txn, &added.id, diag);
    }
    if (result == RESULT_OK) {
        added.added_at = now;
        added.changed_at = now;
        result = put_member(txn, &added, diag);
    }
    if (result == RESULT_OK) {
        result = registry_enter_regions(txn, added.country, diag);
    }
    if (result == RESULT_OK) {
        *member = added;
    }
    return result;
}

/* The member as it stands, with a line if it does not. */
static enum result find_member(struct store_txn *txn, const char *label, struct member *out,
                               struct diag *diag)
{
    enum result result = registry_member(txn, label, out);
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(diag, result, "there is no member \"%.63s\"", label);
    }
    return result == RESULT_OK ? RESULT_OK : registry_unreadable(diag, result, label);
}

enum result registry_update(struct store_txn *txn, const struct member *member, bool allow_private,
                            uint64_t now, struct diag *diag)
{
    struct member old = { 0 }, updated = *member;
    struct dname apex;
    enum result result = registry_apex(txn, &apex, diag);
    if (result == RESULT_OK) {
        result = find_member(txn, member->label, &old, diag);
    }
    if (result != RESULT_OK) {
        return result;
    }
    memcpy(updated.label, old.label, sizeof(updated.label));
    updated.id = old.id;
    updated.added_at = old.added_at;
    updated.changed_at = now;
    result = member_check(&updated, &apex, allow_private, diag);
    if (result == RESULT_OK) {
        result = registry_check_owners(txn, &updated, &old.target, diag);
    }
    if (result == RESULT_OK) {
        result = clear_traces(txn, &old, diag);
    }
    if (result == RESULT_OK) {
        result = put_member(txn, &updated, diag);
    }
    if (result != RESULT_OK || strcmp(old.country, updated.country) == 0) {
        return result;
    }
    result = registry_leave_regions(txn, old.country, diag);
    return result == RESULT_OK ? registry_enter_regions(txn, updated.country, diag) : result;
}

enum result registry_remove(struct store_txn *txn, const char *label, uint64_t now,
                            uint64_t quarantined_until, struct diag *diag)
{
    struct member old = { 0 };
    struct tombstone tombstone = { 0 };
    enum result result = find_member(txn, label, &old, diag);
    if (result != RESULT_OK) {
        return result;
    }
    /* A quarantine that the label brought along from an earlier removal still holds. */
    result = registry_tombstone(txn, label, &tombstone);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_unreadable(diag, result, label);
    }
    if (tombstone.quarantined_until < quarantined_until) {
        tombstone.quarantined_until = quarantined_until;
    }
    tombstone.removed_at = now;
    tombstone.kept = true;
    tombstone.member = old;
    memcpy(tombstone.operator_name, old.operator_name, sizeof(tombstone.operator_name));
    result = clear_traces(txn, &old, diag);
    if (result == RESULT_OK) {
        result =
            registry_written(diag, store_delete(txn, TABLE_MEMBERS, old.label, strlen(old.label)));
    }
    if (result == RESULT_OK) {
        result = purge_tombstones(txn, now, diag);
    }
    if (result == RESULT_OK) {
        result = registry_leave_regions(txn, old.country, diag);
    }
    return result == RESULT_OK ? put_tombstone(txn, old.label, &tombstone, diag) : result;
}

/* The member that a tombstone keeps. */
static enum result find_removed(struct store_txn *txn, const char *label, struct member *out,
                                struct diag *diag)
{
    struct tombstone tombstone;
    enum result result = registry_tombstone(txn, label, &tombstone);
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(diag, result,
                         "no removed member %.63s is known: `ntspool member list --removed` lists "
                         "them",
                         label);
    }
    if (result != RESULT_OK) {
        return registry_unreadable(diag, result, label);
    }
    if (!tombstone.kept) {
        return diag_fail(diag, RESULT_REFUSED,
                         "%.63s was removed by an earlier version, which kept nothing of it: "
                         "add it again",
                         label);
    }
    *out = tombstone.member;
    return RESULT_OK;
}

enum result registry_restore(struct store_txn *txn, const char *label, uint64_t now,
                             struct member *out, struct diag *diag)
{
    struct member member = { .id = 0 };
    enum result result = find_removed(txn, label, &member, diag);
    if (result == RESULT_OK) {
        result = check_label(txn, &member, diag);
    }
    if (result == RESULT_OK) {
        const struct dname none = { .len = 0 };
        result = registry_check_owners(txn, &member, &none, diag);
    }
    if (result == RESULT_OK) {
        member.changed_at = now;
        result = put_member(txn, &member, diag);
    }
    if (result == RESULT_OK) {
        result = registry_enter_regions(txn, member.country, diag);
    }
    if (result == RESULT_OK) {
        *out = member;
    }
    return result;
}
