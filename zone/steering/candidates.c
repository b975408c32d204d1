#include "zone/steering/candidates.h"

#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/base/u64.h"
#include "zone/places/region.h"
#include "zone/steering/failure_domain.h"
#include "zone/steering/place.h"

/* Until order_by_index, candidates are in the order of their labels. */
struct building {
    const struct candidates_sources *sources;
    struct candidates candidates;
    struct vantages vantages;
    struct diag *diag;
    size_t names_room, list_room, inputs_room, left_out_room;
    uint64_t latest; /* of all members' last_eligible_at */
    struct failure_domain_tie *ties;
    size_t tie_count, tie_room;
    struct dname apex;                       /* in lower case */
    struct member_health rows[VANTAGES_MAX]; /* scratch */
};

/* A member with its verdict. */
struct judged {
    const struct member *member;
    struct consensus consensus;
    struct standing standing;
};

static uint32_t add_name(struct building *b, const struct dname *name)
{
    struct candidates *candidates = &b->candidates;
    size_t needed = candidates->names_len + 1 + name->len;
    ASSERT(needed <= UINT32_MAX);
    ARRAY_RESERVE(candidates->names, b->names_room, needed);
    uint32_t at = (uint32_t)candidates->names_len;
    candidates->names[at] = name->len;
    memcpy(candidates->names + at + 1, name->wire, name->len);
    candidates->names_len = needed;
    return at;
}

static enum result judge(struct building *b, const struct member *member, struct judged *out)
{
    const struct candidates_sources *sources = b->sources;
    unsigned count = 0;
    enum result result = consensus_rows(b->rows, &count, sources->health, member->id, &b->vantages);
    if (result != RESULT_OK) {
        (void)diag_fail(b->diag, result,
                        "the health store is damaged at the member %s: restore it from a backup "
                        "(ntspool restore)",
                        member->label);
        return result;
    }
    consensus_of(&out->consensus, member, b->rows, count, &b->vantages, sources->settings);
    out->member = member;
    out->standing = lifecycle_standing(member, &out->consensus, sources->settings, sources->now);
    return RESULT_OK;
}

static void add_tie(struct building *b, uint64_t tie)
{
    ARRAY_PUSH(b->ties, b->tie_count, b->tie_room,
               (struct failure_domain_tie){ tie, (uint32_t)b->candidates.count });
}

static void add_address(struct building *b, const struct address *address, bool shown,
                        struct allocation_member *input)
{
    add_tie(b, failure_domain_of_address(address));
    input->ipv4 = input->ipv4 || (shown && address_is_ipv4(address));
    input->ipv6 = input->ipv6 || (shown && !address_is_ipv4(address));
}

/* Adds the addresses: as registered, or, for a member with a name of its own, as the probes
 * resolved it. A member without any known address counts as reachable by IPv4. */
static void add_addresses(struct building *b, const struct judged *judged,
                          struct allocation_member *input)
{
    const struct member *member = judged->member;
    for (unsigned i = 0; i < member->address_count; i++) {
        bool shown = (judged->standing.left_out & 1U << i) == 0;
        add_address(b, &member->addresses[i], shown, input);
    }
    const struct member_health *health = &judged->consensus.health;
    for (unsigned i = 0; member->address_count == 0 && i < health->address_count; i++) {
        add_address(b, &health->addresses[i].address, health->addresses[i].working, input);
    }
    input->ipv4 = input->ipv4 || !input->ipv6;
}

/* Sets the target of its SRV records, in lower case. Returns the hash of its name in the pool; 0:
 * it has a name of its own. */
static uint64_t name_candidate(const struct building *b, const struct member *member,
                               struct dname *target)
{
    struct dname_key key;
    member_target(target, member, &b->apex); /* labels are in lower case */
    if (member->target.len > 0) {
        dname_lower(target);
        return 0;
    }
    dname_key_of(&key, target, &b->apex);
    return dname_key_hash(&key);
}

static void add_candidate(struct building *b, const struct judged *judged, uint32_t weight)
{
    const struct member *member = judged->member;
    struct candidates *candidates = &b->candidates;
    struct dname target;
    struct place place;
    uint64_t name = name_candidate(b, member, &target);
    place_of_member(&place, member, b->sources->locations);
    struct allocation_member input = { .capacity = weight,
                                       .regions = { region_of_country(member->country),
                                                    region_around(member->country) } };
    if (place.source != PLACE_UNKNOWN) {
        input.point = point_at((double)place.position.latitude, (double)place.position.longitude);
    }
    add_addresses(b, judged, &input);
    if (member->operator_name[0] != '\0') {
        add_tie(b, failure_domain_of_operator(member->operator_name));
    }
    ARRAY_RESERVE(candidates->inputs, b->inputs_room, candidates->count + 1);
    candidates->inputs[candidates->count] = input;
    ARRAY_PUSH(candidates->list, candidates->count, b->list_room,
               (struct candidate){ .member_id = member->id,
                                   .weight = weight,
                                   .port = member->port,
                                   .target = add_name(b, &target),
                                   .name = name });
}

static enum result add_member(const struct member *member, void *arg)
{
    struct building *b = arg;
    struct candidates *candidates = &b->candidates;
    struct judged judged;
    enum result result = judge(b, member, &judged);
    if (result != RESULT_OK) {
        return result;
    }
    const struct standing *standing = &judged.standing;
    candidates->members++;
    b->latest = u64_max(b->latest, standing->last_eligible_at);
    if (standing->left_out != 0) {
        ARRAY_PUSH(candidates->left_out, candidates->left_out_count, b->left_out_room,
                   (struct left_out){ .member_id = member->id, .mask = standing->left_out });
    }
    if (standing->eligible) {
        add_candidate(b, &judged, standing->weight);
    }
    return RESULT_OK;
}

/* If no member is eligible, rather hand out servers that may be down than none. */
static enum result add_last_good(const struct member *member, void *arg)
{
    struct building *b = arg;
    struct judged judged;
    enum result result = judge(b, member, &judged);
    if (result == RESULT_OK && lifecycle_last_good(&judged.standing, b->latest)) {
        add_candidate(b, &judged, member->capacity_mbit);
    }
    return result;
}

static int compare_left_out(const void *a, const void *b)
{
    const struct left_out *left = a, *right = b;
    return u64_order(left->member_id, right->member_id);
}

/* The index that a member had before. */
struct known_index {
    uint64_t member_id;
    uint32_t index;
};

static int compare_known(const void *a, const void *b)
{
    const struct known_index *left = a, *right = b;
    return u64_order(left->member_id, right->member_id);
}

/* Sets each candidate's index: the one that it had, else one that was free before, else a new one.
 * Returns how many indices there are then. */
static size_t assign_indices(const struct candidates *candidates, const struct candidates *before,
                             uint32_t *index)
{
    size_t known_count = 0, next_free = 0, count = before->count;
    struct known_index *known = xcalloc(before->count + 1, sizeof(*known));
    for (size_t i = 0; i < before->count; i++) {
        if (before->list[i].member_id != 0) {
            known[known_count++] = (struct known_index){ before->list[i].member_id, (uint32_t)i };
        }
    }
    qsort(known, known_count, sizeof(*known), compare_known);
    for (size_t i = 0; i < candidates->count; i++) {
        const struct known_index wanted = { .member_id = candidates->list[i].member_id };
        const struct known_index *found =
            bsearch(&wanted, known, known_count, sizeof(*known), compare_known);
        if (found != NULL) {
            index[i] = found->index;
            continue;
        }
        while (next_free < before->count && before->list[next_free].member_id != 0) {
            next_free++;
        }
        index[i] = (uint32_t)(next_free < before->count ? next_free++ : count++);
    }
    free(known);
    return count;
}

/* Keeps the failure domain and families of members that left: decks need them to find
 * replacements. */
static void keep_departed(struct candidates *candidates, const struct candidates *before)
{
    for (size_t i = 0; i < before->count; i++) {
        if (before->list[i].member_id != 0 && candidates->list[i].member_id == 0) {
            candidates->inputs[i] = before->inputs[i];
            candidates->inputs[i].capacity = 0;
        }
    }
}

/* Enters the failure domains. */
static void group_candidates(struct building *b)
{
    struct candidates *candidates = &b->candidates;
    uint32_t *group = xcalloc(candidates->count + 1, sizeof(*group));
    failure_domain_groups(b->ties, b->tie_count, group, candidates->count);
    for (size_t i = 0; i < candidates->count; i++) {
        candidates->inputs[i].group = group[i];
    }
    free(group);
}

/* Moves the candidates from the order of labels, which is that of a first build, to the indices
 * that they had before. */
static void order_by_index(struct candidates *candidates, const struct candidates *before)
{
    uint32_t *index = xcalloc(candidates->count + 1, sizeof(*index));
    size_t count = assign_indices(candidates, before, index);
    struct candidate *list = xcalloc(count + 1, sizeof(*list));
    struct allocation_member *inputs = xcalloc(count + 1, sizeof(*inputs));
    for (size_t i = 0; i < candidates->count; i++) {
        list[index[i]] = candidates->list[i];
        inputs[index[i]] = candidates->inputs[i];
        inputs[index[i]].group = index[candidates->inputs[i].group];
    }
    free(candidates->list);
    free(candidates->inputs);
    candidates->list = list;
    candidates->inputs = inputs;
    candidates->count = count;
    keep_departed(candidates, before);
    free(index);
}

/* Room for a pool of which most members are candidates with two addresses: several arrays that grow
 * side by side are copied often. Pages that stay unused take no memory. */
static void make_room(struct building *b)
{
    enum {
        NAME_USUAL = 32
    };
    size_t members = store_count(b->sources->registry, TABLE_MEMBERS);
    ARRAY_RESERVE(b->candidates.list, b->list_room, members);
    ARRAY_RESERVE(b->candidates.inputs, b->inputs_room, members);
    ARRAY_RESERVE(b->candidates.names, b->names_room, members * NAME_USUAL);
    ARRAY_RESERVE(b->ties, b->tie_room, 2 * members);
}

enum result candidates_build(struct candidates *out, const struct candidates_sources *sources,
                             struct diag *diag)
{
    struct diag detail = { "" };
    struct building b = { .sources = sources, .diag = &detail, .apex = sources->settings->apex };
    dname_lower(&b.apex);
    enum result result = vantages_read(&b.vantages, sources->health,
                                       sources->settings->verdict_fresh_s, sources->now);
    if (result != RESULT_OK) {
        return diag_fail(
            diag, result,
            "the health store's vantage points can't be read: restore it from a backup "
            "(ntspool restore)");
    }
    make_room(&b);
    result = registry_each(sources->registry, add_member, &b);
    if (result == RESULT_OK && b.candidates.count == 0 && b.latest != 0) {
        b.candidates.last_good = true;
        result = registry_each(sources->registry, add_last_good, &b);
    }
    if (result == RESULT_OK) {
        b.candidates.eligible = b.candidates.count;
        group_candidates(&b);
    }
    if (result == RESULT_OK && sources->before != NULL) {
        order_by_index(&b.candidates, sources->before);
    }
    free(b.ties);
    if (result != RESULT_OK) {
        candidates_done(&b.candidates);
        return diag_fail(diag, result, "%s",
                         detail.text[0] != '\0'
                             ? detail.text
                             : "the registry's members can't be read: restore it from a backup "
                               "(ntspool restore)");
    }
    if (b.candidates.left_out_count > 0) {
        qsort(b.candidates.left_out, b.candidates.left_out_count, sizeof(b.candidates.left_out[0]),
              compare_left_out);
    }
    *out = b.candidates;
    return RESULT_OK;
}

static void *copy_of(const void *from, size_t count, size_t size)
{
    void *copy = xmalloc(count * size + 1);
    return count == 0 ? copy : memcpy(copy, from, count * size);
}

void candidates_copy(struct candidates *out, const struct candidates *candidates)
{
    *out = *candidates;
    out->list = copy_of(candidates->list, candidates->count, sizeof(*candidates->list));
    out->inputs = copy_of(candidates->inputs, candidates->count, sizeof(*candidates->inputs));
    out->names = copy_of(candidates->names, candidates->names_len, 1);
    out->left_out =
        copy_of(candidates->left_out, candidates->left_out_count, sizeof(*candidates->left_out));
}

void candidates_done(struct candidates *candidates)
{
    free(candidates->list);
    free(candidates->inputs);
    free(candidates->names);
    free(candidates->left_out);
    memset(candidates, 0, sizeof(*candidates));
}

const uint8_t *candidates_target(const struct candidates *candidates, size_t index)
{
    return candidates->names + candidates->list[index].target;
}

uint8_t candidates_left_out(const struct candidates *candidates, uint64_t member_id)
{
    const struct left_out wanted = { .member_id = member_id };
    const struct left_out *found =
        candidates->left_out_count == 0
            ? NULL
            : bsearch(&wanted, candidates->left_out, candidates->left_out_count,
                      sizeof(candidates->left_out[0]), compare_left_out);
    return found == NULL ? 0 : found->mask;
}
