#include "zone/steering/roster.h"

#include <stdlib.h>

#include "zone/places/region.h"
#include "zone/steering/kin.h"
#include "zone/steering/place.h"

/* A list that doubles. `count` elements of `size` octets at `*list` are used. */
static void *extend(void *list, size_t count, size_t size)
{
    bool full = count == 0 || (count >= 16 && (count & (count - 1)) == 0);
    return full ? xrealloc(list, (count < 16 ? 16 : 2 * count) * size) : list;
}

/* Candidates stand in order of label until they take their seats. */
struct building {
    const struct roster_sources *sources;
    struct roster roster;
    struct vantages vantages;
    struct diag *diag;
    size_t names_room;
    uint64_t latest; /* of all members' last_eligible_at */
    struct kin_tie *ties;
    size_t tie_count;
};

/* A member and what is said of it. */
struct judged {
    const struct member *member;
    struct joint joint;
    struct standing standing;
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

static enum result judge(struct building *b, const struct member *member, struct judged *out)
{
    const struct roster_sources *sources = b->sources;
    enum result result =
        joint_get(&out->joint, sources->health, member, &b->vantages, sources->settings);
    if (result != RESULT_OK) {
        return diag_fail(b->diag, result,
                         "the health store is damaged at the member %s: restore it from a backup "
                         "(ntspool restore)",
                         member->label);
    }
    out->member = member;
    out->standing = lifecycle_standing(member, &out->joint);
    return RESULT_OK;
}

static void add_tie(struct building *b, uint64_t tie)
{
    b->ties = extend(b->ties, b->tie_count, sizeof(b->ties[0]));
    b->ties[b->tie_count++] = (struct kin_tie){ tie, (uint32_t)b->roster.count };
}

static void add_address(struct building *b, const struct address *address, bool shown,
                        struct shares_member *seat)
{
    add_tie(b, kin_of_address(address));
    seat->ipv4 = seat->ipv4 || (shown && address_is_ipv4(address));
    seat->ipv6 = seat->ipv6 || (shown && !address_is_ipv4(address));
}

/* The addresses: as registered, or, of a member with a name of its own, as the probe saw that resolved. Where nobody looked, it counts as
 * reachable by IPv4. */
static void add_addresses(struct building *b, const struct judged *judged,
                          struct shares_member *seat)
{
    const struct member *member = judged->member;
    for (unsigned i = 0; i < member->address_count; i++) {
        bool shown = (judged->standing.left_out & 1U << i) == 0;
        add_address(b, &member->addresses[i], shown, seat);
    }
    const struct member_health *health = &judged->joint.health;
    for (unsigned i = 0; member->address_count == 0 && i < health->address_count; i++) {
        add_address(b, &health->addresses[i].address, health->addresses[i].working, seat);
    }
    seat->ipv4 = seat->ipv4 || !seat->ipv6;
}

static void add_candidate(struct building *b, const struct judged *judged, uint32_t weight)
{
    const struct member *member = judged->member;
    struct roster *roster = &b->roster;
    struct dname target;
    struct dname_key key;
    struct place place;
    uint64_t name = 0;
    member_target(&target, member, &b->sources->settings->apex);
    dname_lower(&target);
    place_of_member(&place, member, b->sources->locations);
    struct shares_member seat = {
        .capacity = weight,
        .regions = {region_of_country(member->country), region_around(member->country)}
    };
    if (place.source != PLACE_UNKNOWN) {
        seat.spot = point_at((double)place.position.latitude, (double)place.position.longitude);
    }
    add_addresses(b, judged, &seat);
    if (member->operator_name[0] != '\0') {
        add_tie(b, kin_of_operator(member->operator_name));
    }
    if (dname_under(&target, &b->sources->settings->apex)) {
        dname_key_of(&key, &target, &b->sources->settings->apex);
        name = dname_key_hash(&key);
    }
    roster->list = extend(roster->list, roster->count, sizeof(roster->list[0]));
    roster->seats = extend(roster->seats, roster->count, sizeof(roster->seats[0]));
    roster->seats[roster->count] = seat;
    roster->list[roster->count++] = (struct candidate){ .member_id = member->id,
                                                        .weight = weight,
                                                        .port = member->port,
                                                        .target = add_name(b, &target),
                                                        .name = name };
}

static enum result add_member(const struct member *member, void *arg)
{
    struct building *b = arg;
    struct roster *roster = &b->roster;
    struct judged judged;
    enum result result = judge(b, member, &judged);
    if (result != RESULT_OK) {
        return result;
    }
    const struct standing *standing = &judged.standing;
    roster->members++;
    if (standing->last_eligible_at > b->latest) {
        b->latest = standing->last_eligible_at;
    }
    if (standing->left_out != 0) {
        roster->left_out =
            extend(roster->left_out, roster->left_out_count, sizeof(roster->left_out[0]));
        roster->left_out[roster->left_out_count++] =
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
    uint32_t seat;
};

static int compare_sitters(const void *a, const void *b)
{
    const struct sitter *left = a, *right = b;
    return compare_ids(left->member_id, right->member_id);
}

/* The seat of each candidate: the one it had, or one that was empty before, or a new one. Returns the number of seats. */
static size_t assign_seats(const struct roster *roster, const struct roster *before, uint32_t *seat)
{
    size_t known = before == NULL ? 0 : before->count, sitters = 0, next = 0, seats = known;
    struct sitter *sitter = xcalloc(known + 1, sizeof(*sitter));
    for (size_t i = 0; i < known; i++) {
        if (before->list[i].member_id != 0) {
            sitter[sitters++] = (struct sitter){ before->list[i].member_id, (uint32_t)i };
        }
    }
    qsort(sitter, sitters, sizeof(*sitter), compare_sitters);
    for (size_t i = 0; i < roster->count; i++) {
        const struct sitter wanted = { .member_id = roster->list[i].member_id };
        const struct sitter *found =
            bsearch(&wanted, sitter, sitters, sizeof(*sitter), compare_sitters);
        if (found != NULL) {
            seat[i] = found->seat;
            continue;
        }
        while (next < known && before->list[next].member_id != 0) {
            next++;
        }
        seat[i] = (uint32_t)(next < known ? next++ : seats++);
    }
    free(sitter);
    return seats;
}

/* Of those who left, their seats still tell kin and families, by which decks find who replaces them. */
static void keep_left(struct roster *roster, const struct roster *before)
{
    for (size_t i = 0; before != NULL && i < before->count; i++) {
        if (before->list[i].member_id != 0 && roster->list[i].member_id == 0) {
            roster->seats[i] = before->seats[i];
            roster->seats[i].capacity = 0;
        }
    }
}

/* Brings the candidates from the order they were read in to their seats, each in its group of kin. */
static void take_seats(struct building *b)
{
    struct roster *roster = &b->roster;
    uint32_t *seat = xcalloc(roster->count + 1, sizeof(*seat));
    uint32_t *group = xcalloc(roster->count + 1, sizeof(*group));
    size_t seats = assign_seats(roster, b->sources->before, seat);
    struct candidate *list = xcalloc(seats + 1, sizeof(*list));
    struct shares_member *members = xcalloc(seats + 1, sizeof(*members));
    kin_groups(b->ties, b->tie_count, group, roster->count);
    for (size_t i = 0; i < roster->count; i++) {
        list[seat[i]] = roster->list[i];
        members[seat[i]] = roster->seats[i];
        members[seat[i]].group = seat[group[i]];
    }
    free(roster->list);
    free(roster->seats);
    roster->list = list;
    roster->seats = members;
    roster->eligible = roster->count;
    roster->count = seats;
    keep_left(roster, b->sources->before);
    free(seat);
    free(group);
}

enum result roster_build(struct roster *out, const struct roster_sources *sources,
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
    if (result == RESULT_OK && b.roster.count == 0 && b.latest != 0) {
        b.roster.last_good = true;
        result = registry_each(sources->registry, add_last_good, &b);
    }
    if (result == RESULT_OK) {
        take_seats(&b);
    }
    free(b.ties);
    if (result != RESULT_OK) {
        roster_done(&b.roster);
        return diag_fail(diag, result, "%s",
                         detail.text[0] != '\0'
                             ? detail.text
                             : "the registry's members can't be read: restore it from a backup "
                               "(ntspool restore)");
    }
    if (b.roster.left_out_count > 0) {
        qsort(b.roster.left_out, b.roster.left_out_count, sizeof(b.roster.left_out[0]),
              compare_left_out);
    }
    *out = b.roster;
    return RESULT_OK;
}

static void *copy_of(const void *from, size_t count, size_t size)
{
    void *copy = xmalloc(count * size + 1);
    return count == 0 ? copy : memcpy(copy, from, count * size);
}

void roster_copy(struct roster *out, const struct roster *roster)
{
    *out = *roster;
    out->list = copy_of(roster->list, roster->count, sizeof(*roster->list));
    out->seats = copy_of(roster->seats, roster->count, sizeof(*roster->seats));
    out->names = copy_of(roster->names, roster->names_len, 1);
    out->left_out = copy_of(roster->left_out, roster->left_out_count, sizeof(*roster->left_out));
}

void roster_done(struct roster *roster)
{
    free(roster->list);
    free(roster->seats);
    free(roster->names);
    free(roster->left_out);
    memset(roster, 0, sizeof(*roster));
}

const uint8_t *roster_target(const struct roster *roster, size_t seat)
{
    return roster->names + roster->list[seat].target;
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
