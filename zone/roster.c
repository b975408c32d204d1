#include "zone/roster.h"

#include <stdlib.h>

/* A list that doubles. `count` elements of `size` octets at `*list` are used. */
static void *extend(void *list, size_t count, size_t size)
{
    bool full = count == 0 || (count >= 16 && (count & (count - 1)) == 0);
    return full ? xrealloc(list, (count < 16 ? 16 : 2 * count) * size) : list;
}

struct building {
    struct roster roster;
    struct store_txn *health;
    const struct settings *settings;
    struct vantages vantages;
    struct diag *diag;
    size_t names_room;
    uint64_t latest; /* of all members' last_eligible_at */
};

static uint32_t add_name(struct building *b, const struct dname *name)
{
    struct roster *roster = &b->roster;
    size_t needed = roster->names_len + 1 + name->len;
    ASSERT(needed <= UINT32_MAX);
    if (needed > b->names_room) {
        b->names_room = 2 * needed;
        roster->names = xrealloc(roster->names, b->names_room);
    }
    uint32_t at = (uint32_t)roster->names_len;
    roster->names[at] = name->len;
    memcpy(roster->names + at + 1, name->wire, name->len);
    roster->names_len = needed;
    return at;
}

static enum result stand(struct building *b, const struct member *member, struct standing *out)
{
    struct joint joint;
    enum result result = joint_get(&joint, b->health, member->id, &b->vantages, b->settings);
    if (result != RESULT_OK) {
        return diag_fail(b->diag, result,
                         "the health store is damaged at the member %s: restore it from a backup "
                         "(ntspool backup)",
                         member->label);
    }
    *out = lifecycle_standing(member, &joint);
    return RESULT_OK;
}

static void add_candidate(struct building *b, const struct member *member, uint32_t weight)
{
    struct roster *roster = &b->roster;
    struct dname target;
    member_target(&target, member, &b->settings->apex);
    dname_lower(&target);
    struct candidate candidate = { .member_id = member->id,
                                   .weight = weight,
                                   .port = member->port,
                                   .target = add_name(b, &target) };
    memcpy(candidate.country, member->country, sizeof(candidate.country));
    roster->list = extend(roster->list, roster->count, sizeof(roster->list[0]));
    roster->list[roster->count++] = candidate;
}

static enum result add_member(const struct member *member, void *arg)
{
    struct building *b = arg;
    struct roster *roster = &b->roster;
    struct standing standing = { 0 };
    enum result result = stand(b, member, &standing);
    if (result != RESULT_OK) {
        return result;
    }
    roster->members++;
    if (standing.last_eligible_at > b->latest) {
        b->latest = standing.last_eligible_at;
    }
    if (standing.left_out != 0) {
        roster->left_out =
            extend(roster->left_out, roster->left_out_count, sizeof(roster->left_out[0]));
        roster->left_out[roster->left_out_count++] =
            (struct left_out){ .member_id = member->id, .mask = standing.left_out };
    }
    if (standing.eligible) {
        add_candidate(b, member, standing.weight);
    }
    return RESULT_OK;
}

/* DESIGN's last rule of staleness: rather a server that may be down than none. */
static enum result add_last_good(const struct member *member, void *arg)
{
    struct building *b = arg;
    struct standing standing;
    enum result result = stand(b, member, &standing);
    if (result == RESULT_OK && lifecycle_last_good(&standing, b->latest)) {
        add_candidate(b, member, member->capacity_mbit);
    }
    return result;
}

static int compare_ids(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    int difference = memcmp(left->country, right->country, sizeof(left->country));
    return difference != 0 ? difference : compare_ids(left->member_id, right->member_id);
}

static int compare_left_out(const void *a, const void *b)
{
    const struct left_out *left = a, *right = b;
    return compare_ids(left->member_id, right->member_id);
}

enum result roster_build(struct roster *out, struct store_txn *registry, struct store_txn *health,
                         const struct settings *settings, uint64_t now, struct diag *diag)
{
    struct diag detail = { "" };
    struct building b = { .health = health, .settings = settings, .diag = &detail };
    enum result result = vantages_read(&b.vantages, health, settings->verdict_fresh_s, now);
    if (result != RESULT_OK) {
        return diag_fail(
            diag, result,
            "the health store's vantage points can't be read: restore it from a backup "
            "(ntspool backup)");
    }
    result = registry_each(registry, add_member, &b);
    if (result == RESULT_OK && b.roster.count == 0 && b.latest != 0) {
        b.roster.last_good = true;
        result = registry_each(registry, add_last_good, &b);
    }
    if (result != RESULT_OK) {
        roster_done(&b.roster);
        return diag_fail(diag, result, "%s",
                         detail.text[0] != '\0'
                             ? detail.text
                             : "the registry's members can't be read: restore it from a backup "
                               "(ntspool backup)");
    }
    if (b.roster.count > 0) {
        qsort(b.roster.list, b.roster.count, sizeof(b.roster.list[0]), compare_candidates);
    }
    if (b.roster.left_out_count > 0) {
        qsort(b.roster.left_out, b.roster.left_out_count, sizeof(b.roster.left_out[0]),
              compare_left_out);
    }
    *out = b.roster;
    return RESULT_OK;
}

void roster_done(struct roster *roster)
{
    free(roster->list);
    free(roster->names);
    free(roster->left_out);
    memset(roster, 0, sizeof(*roster));
}

uint8_t roster_left_out(const struct roster *roster, uint64_t member_id)
{
    const struct left_out wanted = { .member_id = member_id };
    const struct left_out *found = roster->left_out_count == 0
                                       ? NULL
                                       : bsearch(&wanted, roster->left_out, roster->left_out_count,
                                                 sizeof(roster->left_out[0]), compare_left_out);
    return found == NULL ? 0 : found->mask;
}
