#include "zone/steering/candidates.h"

#include <stdlib.h>

#include "zone/places/region.h"
#include "zone/steering/failure_domain.h"
#include "zone/steering/place.h"

/* A list that doubles. `count` elements of `size` octets at `*list` are used. */
static void *extend(void *list, size_t count, size_t size)
{
    bool full = count == 0 || (count >= 16 && (count & (count - 1)) == 0);
    return full ? xrealloc(list, (count < 16 ? 16 : 2 * count) * size) : list;
}

/* Candidates stand in order of label until they take their seats. */
struct building {
    const struct candidates_sources *sources;
    struct candidates candidates;
    struct vantages vantages;
    struct diag *diag;
    size_t names_room;
    uint64_t latest; /* of all members' last_eligible_at */
    struct failure_domain_tie *ties;
    size_t tie_count;
};

/* A member and what is said of it. */
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
    if (needed > b->names_room) {
        b->names_room = 2 * needed;
        candidates->names = xrealloc(candidates->names, b->names_room);
    }
    uint32_t at = (uint32_t)candidates->names_len;
    candidates->names[at] = name->len;
    memcpy(candidates->names + at + 1, name->wire, name->len);
    candidates->names_len = needed;
    return at;
}

static enum result judge(struct building *b, const struct member *member, struct judged *out)
{
    const struct candidates_sources *sources = b->sources;
    enum result result =
        consensus_get(&out->consensus, sources->health, member, &b->vantages, sources->settings);
    if (result != RESULT_OK) {
        return diag_fail(b->diag, result,
                         "the health store is damaged at the member %s: restore it from a backup "
                         "(ntspool restore)",
                         member->label);
    }
    out->member = member;
    out->standing = lifecycle_standing(member, &out->consensus);
    return RESULT_OK;
}

static void add_tie(struct building *b, uint64_t tie)
{
    b->ties = extend(b->ties, b->tie_count, sizeof(b->ties[0]));
    b->ties[b->tie_count++] = (struct failure_domain_tie){ tie, (uint32_t)b->candidates.count };
}

static void add_address(struct building *b, const struct address *address, bool shown,
                        struct allocation_member *index)
{
    add_tie(b, failure_domain_of_address(address));
    index->ipv4 = index->ipv4 || (shown && address_is_ipv4(address));
    index->ipv6 = index->ipv6 || (shown && !address_is_ipv4(address));
}

/* The addresses: as registered, or, of a member with a name of its own, as the probe saw that
 * resolved. Where nobody looked, it counts as reachable by IPv4. */
static void add_addresses(struct building *b, const struct judged *judged,
                          struct allocation_member *index)
{
    const struct member *member = judged->member;
    for (unsigned i = 0; i < member->address_count; i++) {
        bool shown = (judged->standing.left_out & 1U << i) == 0;
        add_address(b, &member->addresses[i], shown, index);
    }
    const struct member_health *health = &judged->consensus.health;
    for (unsigned i = 0; member->address_count == 0 && i < health->address_count; i++) {
        add_address(b, &health->addresses[i].address, health->addresses[i].working, index);
    }
    index->ipv4 = index->ipv4 || !index->ipv6;
}

static void add_candidate(struct building *b, const struct judged *judged, uint32_t weight)
{
    const struct member *member = judged->member;
    struct candidates *candidates = &b->candidates;
    struct dname target;
    struct dname_key key;
    struct place place;
    uint64_t name = 0;
    member_target(&target, member, &b->sources->settings->apex);
    dname_lower(&target);
    place_of_member(&place, member, b->sources->locations);
    struct allocation_member index = { .capacity = weight,
                                       .regions = { region_of_country(member->country),
                                                    region_around(member->country) } };
    if (place.source != PLACE_UNKNOWN) {
        index.spot = point_at((double)place.position.latitude, (double)place.position.longitude);
    }
    add_addresses(b, judged, &index);
    if (member->operator_name[0] != '\0') {
        add_tie(b, failure_domain_of_operator(member->operator_name));
    }
    if (dname_under(&target, &b->sources->settings->apex)) {
        dname_key_of(&key, &target, &b->sources->settings->apex);
        name = dname_key_hash(&key);
    }
    candidates->list = extend(candidates->list, candidates->count, sizeof(candidates->list[0]));
    candidates->inputs =
        extend(candidates->inputs, candidates->count, sizeof(candidates->inputs[0]));
    candidates->inputs[candidates->count] = index;
    candidates->list[candidates->count++] = (struct candidate){ .member_id = member->id,
                                                                .weight = weight,
                                                                .port = member->port,
                                                                .target = add_name(b, &target),
                                                                .name = name };
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
    if (standing->last_eligible_at > b->latest) {
        b->latest = standing->last_eligible_at;
    }
    if (standing->left_out != 0) {
        candidates->left_out = extend(candidates->left_out, candidates->left_out_count,
                                      sizeof(candidates->left_out[0]));
        candidates->left_out[candidates->left_out_count++] =
            (struct left_out){ .member_id = member->id, .mask = standing->left_out };
    }
    if (standing->eligible) {
        add_candidate(b, &judged, standing->weight);
    }
    return RESULT_OK;
}

/* DESIGN's last rule of staleness: rather a server that may be down than none. */
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

static int compare_ids(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_left_out(const void *a, const void *b)
{
    const struct left_out *left = a, *right = b;
    return compare_ids(left->member_id, right->member_id);
}

/* Who sat where before. */
struct sitter {
    uint64_t member_id;
    uint32_t index;
};

static int compare_sitters(const void *a, const void *b)
{
    const struct sitter *left = a, *right = b;
    return compare_ids(left->member_id, right->member_id);
}

/* The seat of each candidate: the one it had, or one that was empty before, or a new one. Returns
 * the number of seats. */
static size_t assign_seats(const struct candidates *candidates, const struct candidates *before,
                           uint32_t *index)
{
    size_t known = before == NULL ? 0 : before->count, sitters = 0, next = 0, inputs = known;
    struct sitter *sitter = xcalloc(known + 1, sizeof(*sitter));
    for (size_t i = 0; i < known; i++) {
        if (before->list[i].member_id != 0) {
            sitter[sitters++] = (struct sitter){ before->list[i].member_id, (uint32_t)i };
        }
    }
    qsort(sitter, sitters, sizeof(*sitter), compare_sitters);
    for (size_t i = 0; i < candidates->count; i++) {
        const struct sitter wanted = { .member_id = candidates->list[i].member_id };
        const struct sitter *found =
            bsearch(&wanted, sitter, sitters, sizeof(*sitter), compare_sitters);
        if (found != NULL) {
            index[i] = found->index;
            continue;
        }
        while (next < known && before->list[next].member_id != 0) {
            next++;
        }
        index[i] = (uint32_t)(next < known ? next++ : inputs++);
    }
    free(sitter);
    return inputs;
}

/* Of those who left, their seats still tell kin and families, by which decks find who replaces
 * them. */
static void keep_left(struct candidates *candidates, const struct candidates *before)
{
    for (size_t i = 0; before != NULL && i < before->count; i++) {
        if (before->list[i].member_id != 0 && candidates->list[i].member_id == 0) {
            candidates->inputs[i] = before->inputs[i];
            candidates->inputs[i].capacity = 0;
        }
    }
}

/* Brings the candidates from the order they were read in to their seats, each in its group of
 * kin. */
static void take_seats(struct building *b)
{
    struct candidates *candidates = &b->candidates;
    uint32_t *index = xcalloc(candidates->count + 1, sizeof(*index));
    uint32_t *group = xcalloc(candidates->count + 1, sizeof(*group));
    size_t inputs = assign_seats(candidates, b->sources->before, index);
    struct candidate *list = xcalloc(inputs + 1, sizeof(*list));
    struct allocation_member *members = xcalloc(inputs + 1, sizeof(*members));
    failure_domain_groups(b->ties, b->tie_count, group, candidates->count);
    for (size_t i = 0; i < candidates->count; i++) {
        list[index[i]] = candidates->list[i];
        members[index[i]] = candidates->inputs[i];
        members[index[i]].group = index[group[i]];
    }
    free(candidates->list);
    free(candidates->inputs);
    candidates->list = list;
    candidates->inputs = members;
    candidates->eligible = candidates->count;
    candidates->count = inputs;
    keep_left(candidates, b->sources->before);
    free(index);
    free(group);
}

enum result candidates_build(struct candidates *out, const struct candidates_sources *sources,
                             struct diag *diag)
{
    struct diag detail = { "" };
    struct building b = { .sources = sources, .diag = &detail };
    enum result result = vantages_read(&b.vantages, sources->health,
                                       sources->settings->verdict_fresh_s, sources->now);
    if (result != RESULT_OK) {
        return diag_fail(
            diag, result,
            "the health store's vantage points can't be read: restore it from a backup "
            "(ntspool restore)");
    }
    result = registry_each(sources->registry, add_member, &b);
    if (result == RESULT_OK && b.candidates.count == 0 && b.latest != 0) {
        b.candidates.last_good = true;
        result = registry_each(sources->registry, add_last_good, &b);
    }
    if (result == RESULT_OK) {
        take_seats(&b);
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
