#include "server/state/deal.h"

#include <math.h>
#include <stdlib.h>

#include <sodium.h>

#include "zone/base/splitmix.h"
#include "zone/registry/service.h"

struct places *places_new(struct locations *locations)
{
    struct places *places = xcalloc(1, sizeof(*places));
    atomic_init(&places->refs, 1);
    places->locations = locations;
    return places;
}

struct places *places_ref(struct places *places)
{
    if (places != NULL) {
        atomic_fetch_add(&places->refs, 1);
    }
    return places;
}

void places_unref(struct places *places)
{
    if (places != NULL && atomic_fetch_sub(&places->refs, 1) == 1) {
        locations_free(places->locations);
        free(places);
    }
}

static void shared_unref(struct shared_steering *shared)
{
    if (shared == NULL || atomic_fetch_sub(&shared->refs, 1) != 1) {
        return;
    }
    steering_done(&shared->steering);
    free(shared);
}

struct deal *deal_ref(struct deal *deal)
{
    atomic_fetch_add(&deal->refs, 1);
    return deal;
}

void deal_unref(struct deal *deal)
{
    if (deal == NULL || atomic_fetch_sub(&deal->refs, 1) != 1) {
        return;
    }
    for (size_t a = 0; a < deal->area_count; a++) {
        srv_ring_unref(deal->rings[a]);
    }
    free(deal->rings);
    free(deal->levels);
    candidates_done(&deal->candidates);
    shared_unref(deal->shared);
    keyring_unref(deal->keyring);
    places_unref(deal->places);
    free(deal);
}

static bool is_older(uint64_t at, uint64_t now, uint64_t age_max)
{
    return at > now || now - at >= age_max;
}

/* True if so many members joined or left that a whole new deal is better than patches. */
static bool are_many(size_t moves, const struct candidates *candidates)
{
    return moves > candidates->eligible / 2;
}

bool deal_is_due(const struct deal *deal, uint64_t now)
{
    uint64_t ttl = deal->settings.srv_ttl_s;
    return are_many(deal->patched, &deal->candidates) ||
           is_older(deal->dealt_at, now, ttl < DEAL_AGE_MAX_S ? ttl : DEAL_AGE_MAX_S) ||
           is_older(deal->scaled_at, now, DEAL_AGE_MAX_S);
}

static double capacity_of(const struct candidates *candidates)
{
    double capacity = 0;
    for (size_t i = 0; i < candidates->count; i++) {
        capacity += candidates->list[i].weight;
    }
    return capacity;
}

/* The difference between two lists of candidates. */
struct change {
    bool *changed;    /* by index: the SRV record is another */
    uint32_t *joined; /* indexes in the new list */
    uint32_t *left;   /* indexes in the old list */
    size_t joined_count, left_count, changed_count;
    bool moved; /* any of these */
    /* A member has another region, or shares a failure domain with other members than before. */
    bool regrouped;
    /* A weight or something else that sets don't show, such as addresses left out. */
    bool unseen;
};

static void change_done(struct change *change)
{
    free(change->changed);
    free(change->joined);
    free(change->left);
}

static bool same_record(const struct candidates *a, const struct candidates *b, size_t index)
{
    const uint8_t *x = candidates_target(a, index), *y = candidates_target(b, index);
    return a->list[index].port == b->list[index].port && x[0] == y[0] &&
           memcmp(x + 1, y + 1, x[0]) == 0;
}

static bool same_left_out(const struct candidates *a, const struct candidates *b)
{
    bool same = a->left_out_count == b->left_out_count;
    for (size_t i = 0; same && i < a->left_out_count; i++) {
        same = a->left_out[i].member_id == b->left_out[i].member_id &&
               a->left_out[i].mask == b->left_out[i].mask;
    }
    return same;
}

static bool same_regions(const struct allocation_member *a, const struct allocation_member *b)
{
    return a->regions[0] == b->regions[0] && a->regions[1] == b->regions[1];
}

/* True if members of different failure domains are in one now: sets may hold both. */
static bool have_merged(const struct candidates *before, const struct candidates *candidates)
{
    const uint32_t none = UINT32_MAX;
    uint32_t *then = xmalloc((candidates->count + 1) * sizeof(*then));
    bool found = false;
    memset(then, 0xff, (candidates->count + 1) * sizeof(*then));
    for (size_t i = 0; i < candidates->count && i < before->count && !found; i++) {
        if (candidates->list[i].member_id == 0 || before->list[i].member_id == 0) {
            continue;
        }
        uint32_t *group = &then[candidates->inputs[i].group];
        found = *group != none && *group != before->inputs[i].group;
        *group = before->inputs[i].group;
    }
    free(then);
    return found;
}

static void compare(struct change *out, const struct deal *old, const struct candidates *candidates)
{
    struct change c = { .changed = xcalloc(candidates->count + 1, sizeof(*c.changed)),
                        .joined = xcalloc(candidates->count + 1, sizeof(*c.joined)),
                        .left = xcalloc(candidates->count + 1, sizeof(*c.left)) };
    const struct candidates *before = &old->candidates;
    for (size_t i = 0; i < candidates->count; i++) {
        const struct candidate *now = &candidates->list[i];
        bool was = i < before->count && before->list[i].member_id != 0, is = now->member_id != 0;
        if (is && !was) {
            c.joined[c.joined_count++] = (uint32_t)i;
        } else if (was && !is) {
            c.left[c.left_count++] = (uint32_t)i;
        } else if (is) {
            bool reweighted = now->weight != before->list[i].weight;
            c.unseen = c.unseen || reweighted;
            c.changed[i] =
                !same_record(before, candidates, i) || (reweighted && old->settings.srv_weights);
            c.changed_count += c.changed[i] ? 1 : 0;
            c.regrouped = c.regrouped || !same_regions(&before->inputs[i], &candidates->inputs[i]);
        }
    }
    c.unseen = c.unseen || !same_left_out(before, candidates) ||
               before->members != candidates->members || before->last_good != candidates->last_good;
    c.regrouped = c.regrouped || have_merged(before, candidates);
    c.moved = c.joined_count > 0 || c.left_count > 0 || c.changed_count > 0;
    *out = c;
}

/* True if a set made for these parts is the same as in the deal. */
static bool same_rules(const struct deal *deal, const struct deal_parts *parts)
{
    const struct settings *a = &deal->settings, *b = parts->settings;
    return a->srv_ttl_s == b->srv_ttl_s && a->srv_count == b->srv_count &&
           a->srv_weights == b->srv_weights && a->max_overload_milli == b->max_overload_milli &&
           a->scale_km == b->scale_km && a->signature_validity_s == b->signature_validity_s &&
           keyring_keeps(parts->keyring, deal->keyring, parts->now) &&
           deal->places == parts->places;
}

/* True if all regions of a new member have areas. */
static bool regions_known(const struct deal *deal, const struct allocation_member *member)
{
    for (unsigned i = 0; i < 2; i++) {
        uint16_t region = member->regions[i];
        if (region != REGION_NONE && deal->shared->steering.of_region[region] == STEERING_NONE) {
            return false;
        }
    }
    return true;
}

/* True if the change is small enough for a patch. */
static bool can_patch(const struct deal *old, const struct candidates *candidates,
                      const struct change *change)
{
    size_t moves = change->joined_count + change->left_count;
    if (change->regrouped) {
        return false;
    }
    if (moves > 0 &&
        (candidates->eligible <= DEAL_SMALL || old->candidates.eligible <= DEAL_SMALL)) {
        return false;
    }
    if (are_many(moves, candidates) || candidates->last_good != old->candidates.last_good) {
        return false;
    }
    for (size_t i = 0; i < change->joined_count; i++) {
        if (!regions_known(old, &candidates->inputs[change->joined[i]])) {
            return false;
        }
    }
    return true;
}

/* The owner name of the SRV RRsets of an area. */
static void owner_of(struct dname *out, const struct steering_area *area,
                     const struct deal_parts *parts)
{
    char label[REGION_LABEL_ROOM];
    *out = *parts->service;
    if (area->at.region == REGION_NONE) {
        return;
    }
    struct dname name;
    (void)region_label(area->at.region, label);
    bool fits = dname_prepend(&name, label, strlen(label), &parts->settings->apex) == RESULT_OK &&
                service_name(&name, &name) == RESULT_OK;
    if (fits) { /* else there can be no query for it */
        *out = name;
    }
}

static struct deal *deal_begin(const struct deal_parts *parts, struct candidates *candidates,
                               struct shared_steering *shared, struct keyring *keyring)
{
    struct deal *deal = xcalloc(1, sizeof(*deal));
    atomic_init(&deal->refs, 1);
    deal->candidates = *candidates;
    *candidates = (struct candidates){ .count = 0 };
    deal->settings = *parts->settings;
    deal->keyring = keyring_ref(keyring);
    deal->places = places_ref(parts->places);
    deal->shared = shared;
    deal->area_count = shared->steering.area_count;
    deal->rings = xcalloc(deal->area_count, sizeof(struct srv_ring *));
    deal->levels = xcalloc(deal->area_count, sizeof(*deal->levels));
    return deal;
}

static struct srv_ring_parts srv_ring_parts_of(const struct deal *deal,
                                               const struct deal_parts *parts,
                                               const struct dname *owner)
{
    return (struct srv_ring_parts){ .candidates = &deal->candidates,
                                    .apex = &deal->settings.apex,
                                    .owner = owner,
                                    .weights = deal->settings.srv_weights,
                                    .ttl_s = deal->settings.srv_ttl_s,
                                    .signer = parts->signer,
                                    .now = parts->now };
}

/* The level of a list (struct allocation_list) after a member of this weight left: the others share
 * its places. */
static double level_without(double level, double weight, unsigned places)
{
    double expected = fmin(1, level * weight);
    return places > expected ? level * places / (places - expected) : 0;
}

/* The level after such a member joined: the more members share the places, the less each gets. */
static double level_with(double level, double weight, unsigned places)
{
    double shared = 1 / ((level > 0 ? 1 / level : 0) + weight / places);
    return shared * weight > 1 && level > 0 ? level * (places - 1) / places : shared;
}

/* The level of an area without the members that left. */
static double level_left(const struct deal *deal, const struct deal *old, uint16_t area,
                         const struct change *change)
{
    const struct steering *steering = &deal->shared->steering;
    const struct allocation_area *at = &steering->areas[area].at;
    double level = old->levels[area];
    for (size_t i = 0; i < change->left_count; i++) {
        uint32_t index = change->left[i];
        double weight = allocation_weight(steering->allocation, at, &old->candidates.inputs[index]);
        double factor =
            at->region == REGION_NONE
                ? steering_factor(steering, index, old->candidates.list[index].member_id)
                : 1;
        level = level_without(level, weight * factor, deal->settings.srv_count);
    }
    return level;
}

/* The ring of an area, with the members that left replaced and those that joined put in; the old
 * ring if that changes nothing. */
static enum result patch_ring(struct deal *deal, const struct deal *old, uint16_t area,
                              const struct change *change, const struct deal_parts *parts)
{
    struct srv_ring *ring = old->rings[area];
    double *level = &deal->levels[area];
    *level = level_left(deal, old, area, change);
    if (!change->moved) {
        deal->rings[area] = srv_ring_ref(ring);
        return RESULT_OK;
    }
    struct steering *steering = &deal->shared->steering;
    const struct allocation_member *inputs = deal->candidates.inputs;
    struct deck deck;
    uint64_t random = steering->seed + area + deal->patched * 0x9e3779b97f4a7c15U;
    size_t touched = 0;
    deck_copy(&deck, &ring->deck);
    if (change->left_count > 0) {
        touched += deck_leave(&deck, inputs, &random);
    }
    for (size_t i = 0; i < change->joined_count; i++) {
        uint32_t index = change->joined[i];
        double weight =
            allocation_weight(steering->allocation, &steering->areas[area].at, &inputs[index]);
        if (weight > 0) {
            *level = level_with(*level, weight, deal->settings.srv_count);
            deck_open(&deck, steering->areas[area].sets);
            touched +=
                deck_join(&deck, inputs, index, *level * weight, deal->settings.srv_count, &random);
        }
    }
    if (touched == 0 && change->changed_count == 0) {
        deck_done(&deck);
        deal->rings[area] = srv_ring_ref(ring);
        return RESULT_OK;
    }
    struct dname owner;
    owner_of(&owner, &steering->areas[area], parts);
    const struct srv_ring_parts made_with = srv_ring_parts_of(deal, parts, &owner);
    return srv_ring_new(&deal->rings[area], &deck, &made_with, ring, change->changed);
}

static enum result patch(struct deal **out, const struct deal_parts *parts, const struct deal *old,
                         struct candidates *candidates, const struct change *change)
{
    atomic_fetch_add(&old->shared->refs, 1);
    struct deal *deal = deal_begin(parts, candidates, old->shared, old->keyring);
    enum result result = RESULT_OK;
    deal->round = old->round;
    deal->dealt_at = old->dealt_at;
    deal->scaled_at = old->scaled_at;
    deal->scaled_capacity = old->scaled_capacity;
    deal->patched = old->patched + change->joined_count + change->left_count;
    for (size_t a = 0; a < deal->area_count && result == RESULT_OK; a++) {
        result = patch_ring(deal, old, (uint16_t)a, change, parts);
    }
    if (result != RESULT_OK) {
        deal_unref(deal);
        return result;
    }
    *out = deal;
    return RESULT_OK;
}

static bool must_scale(const struct deal *old, const struct deal_parts *parts, double capacity)
{
    return is_older(old->scaled_at, parts->now, DEAL_AGE_MAX_S) ||
           old->settings.max_overload_milli != parts->settings->max_overload_milli ||
           old->settings.scale_km != parts->settings->scale_km || old->places != parts->places ||
           fabs(capacity - old->scaled_capacity) > old->scaled_capacity / 20;
}

static struct shared_steering *shared_new(const struct deal_parts *parts, const struct deal *old,
                                          const struct candidates *candidates, bool scale)
{
    struct shared_steering *shared = xcalloc(1, sizeof(*shared));
    const struct locations *locations = parts->places == NULL ? NULL : parts->places->locations;
    const struct demand *demand = parts->demand;
    const struct deck **decks = NULL;
    struct steering_input input = { .candidates = candidates,
                                    .settings = parts->settings,
                                    .demand = demand == NULL ? NULL : demand->by_cell,
                                    .keep_factors = !scale };
    atomic_init(&shared->refs, 1);
    input.cells = locations_cells(locations, &input.cell_count);
    if (old == NULL) {
        input.hasty = true;
        randombytes_buf(&input.seed, sizeof(input.seed));
    } else {
        input.seed = old->shared->steering.seed;
        input.before = &old->shared->steering;
    }
    if (old != NULL && demand != NULL && demand->round == old->round) {
        decks = xcalloc(old->area_count, sizeof(struct deck *));
        for (size_t a = 0; a < old->area_count; a++) {
            decks[a] = &old->rings[a]->deck;
        }
        input.asked = demand->asked;
        input.decks = decks;
    }
    steering_init(&shared->steering, &input);
    free(decks);
    return shared;
}

static enum result new_deal(struct deal **out, const struct deal_parts *parts,
                            const struct deal *old, struct candidates *candidates)
{
    double capacity = capacity_of(candidates);
    /* The first deal is hasty and not scaled, so that answers can begin; the next one is due at
     * once. */
    bool scale = old != NULL && must_scale(old, parts, capacity);
    struct deal *deal =
        deal_begin(parts, candidates, shared_new(parts, old, candidates, scale), parts->keyring);
    enum result result = RESULT_OK;
    deal->round = old == NULL ? 0 : old->round + 1;
    deal->dealt_at = parts->now;
    deal->scaled_at = scale ? parts->now : old == NULL ? 0 : old->scaled_at;
    deal->scaled_capacity = scale || old == NULL ? capacity : old->scaled_capacity;
    for (size_t a = 0; a < deal->area_count && result == RESULT_OK; a++) {
        if (parts->give_up != NULL && atomic_load(parts->give_up)) {
            result = RESULT_REFUSED;
            break;
        }
        struct deck deck;
        struct dname owner;
        struct allocation_list list =
            steering_deal(&deal->shared->steering, (uint16_t)a, deal->round, &deck);
        owner_of(&owner, &deal->shared->steering.areas[a], parts);
        const struct srv_ring_parts made_with = srv_ring_parts_of(deal, parts, &owner);
        deal->levels[a] = list.level;
        result = srv_ring_new(&deal->rings[a], &deck, &made_with, NULL, NULL);
    }
    if (result != RESULT_OK) {
        deal_unref(deal);
        return result;
    }
    *out = deal;
    return RESULT_OK;
}

enum result deal_again(struct deal **out, const struct deal_parts *parts, const struct deal *old)
{
    struct candidates candidates;
    candidates_copy(&candidates, &old->candidates);
    return new_deal(out, parts, old, &candidates);
}

enum result deal_next(struct deal **out, const struct deal_parts *parts, struct deal *old,
                      struct candidates *candidates)
{
    struct change change = { .changed = NULL };
    enum result result = RESULT_OK;
    if (old == NULL || !same_rules(old, parts)) {
        result = new_deal(out, parts, old, candidates);
    } else {
        compare(&change, old, candidates);
        if (!change.moved && !change.unseen && !change.regrouped) {
            *out = deal_ref(old);
        } else if (can_patch(old, candidates, &change)) {
            result = patch(out, parts, old, candidates, &change);
        } else {
            result = new_deal(out, parts, old, candidates);
        }
    }
    change_done(&change);
    candidates_done(candidates);
    return result;
}
