#include "zone/steering/apportion.h"

#include <math.h>
#include <stdlib.h>

#include "zone/base/result.h"
#include "zone/base/splitmix.h"

#define EPSILON 1e-9 /* a value this near a whole number is taken as it */

/* A group or member that may be rounded up. */
struct claim {
    double rank; /* the lowest are met first */
    size_t at;   /* index into the list, or into the groups */
};

struct group {
    size_t first, end; /* range of the list */
    uint32_t slots;
};

struct division {
    const struct apportion_plan *plan;
    struct claim *claims;
    struct group *groups;
    size_t group_count;
};

static void swap_claims(struct claim *a, struct claim *b)
{
    struct claim kept = *a;
    *a = *b;
    *b = kept;
}

/* Brings the `count` lowest ranks to the front (quickselect). */
static void select_lowest(struct claim *claims, size_t len, size_t count)
{
    size_t low = 0, high = len;
    while (count > low && count < high) {
        size_t border = low;
        swap_claims(&claims[low + (high - low) / 2], &claims[high - 1]);
        for (size_t i = low; i < high - 1; i++) {
            if (claims[i].rank < claims[high - 1].rank) {
                swap_claims(&claims[i], &claims[border++]);
            }
        }
        swap_claims(&claims[border], &claims[high - 1]);
        if (count <= border) {
            high = border;
        } else {
            low = border + 1;
        }
    }
}

/* Moves the claims that are met to the front. Returns how many; `left` slots are available. */
static size_t meet(struct claim *claims, size_t len, uint32_t left)
{
    size_t met = 0, most = left < len ? left : len;
    select_lowest(claims, len, most);
    while (met < most && claims[met].rank < HUGE_VAL) {
        met++;
    }
    return met;
}

/* The slots that the entry should have in this deck, not rounded. */
static double part_of(const struct apportion_plan *plan, size_t i)
{
    double slots = plan->list[i].expected * (double)plan->sets, whole = round(slots);
    return fabs(slots - whole) < EPSILON ? whole : slots;
}

static double deficit_of(const struct apportion_plan *plan, size_t i)
{
    return plan->deficit == NULL ? 0 : plan->deficit[plan->list[i].member];
}

/* A random number for this deal, 0 to 1. */
static double draw_of(const struct apportion_plan *plan, uint64_t number)
{
    uint64_t seed =
        plan->seed ^ splitmix(&(uint64_t){ plan->round }) ^ (number + 1) * 0xd1342543de82ef95U;
    return (double)(splitmix(&seed) >> 11) * 0x1p-53;
}

/* Splits a number of slots into whole ones and the rest, which is a claim. */
static double rest_of(double slots, uint32_t *whole)
{
    *whole = (uint32_t)floor(slots + EPSILON);
    return fmax(slots - *whole, 0);
}

/* The rank of a claim in Pareto sampling: its chance is `rest`, shifted by the deficit. A claim
 * without rest is never met. */
static double rank_of(double rest, double draw, double deficit)
{
    /* grows faster than the deficit, for small chances */
    double pull = APPORTION_PULL * deficit * (1 + deficit * deficit / 16);
    double chance = rest * (1 + pull * (1 - rest));
    if (rest <= 0) {
        return HUGE_VAL;
    }
    return chance >= 1 ? 0 : draw * (1 - chance) / (fmax(chance, 1e-12) * (1 - draw));
}

static size_t group_end(const struct apportion_plan *plan, size_t first)
{
    uint32_t group = plan->members[plan->list[first].member].group;
    size_t end = first + 1;
    while (end < plan->list_count && plan->members[plan->list[end].member].group == group) {
        end++;
    }
    return end;
}

/* Apportions the slots to groups. A group's deficit is the mean over its slots. */
static void divide(struct division *d)
{
    const struct apportion_plan *plan = d->plan;
    uint32_t left = (uint32_t)(plan->sets * plan->per_set);
    for (size_t first = 0, end = 0; first < plan->list_count; first = end) {
        struct group *group = &d->groups[d->group_count];
        double slots = 0, deficit = 0;
        end = group_end(plan, first);
        *group = (struct group){ .first = first, .end = end };
        for (size_t i = first; i < end; i++) {
            slots += part_of(plan, i);
            deficit += part_of(plan, i) * deficit_of(plan, i);
        }
        double rest = rest_of(slots, &group->slots), draw = draw_of(plan, plan->list[first].member);
        d->claims[d->group_count] =
            (struct claim){ rank_of(rest, draw, deficit / slots), d->group_count };
        d->group_count++;
        left -= group->slots;
    }
    size_t met = meet(d->claims, d->group_count, left);
    for (size_t i = 0; i < met; i++) {
        d->groups[d->claims[i].at].slots++;
    }
}

/* Apportions a group's slots to its members: whole slots first, the remaining ones by the members'
 * rests. */
static void divide_group(struct division *d, const struct group *group, uint32_t *count)
{
    const struct apportion_plan *plan = d->plan;
    uint32_t left = group->slots;
    double sum = 0;
    size_t claims = 0;
    for (size_t i = group->first; i < group->end; i++) {
        double rest = rest_of(part_of(plan, i), &count[i]);
        left -= count[i];
        sum += rest;
        if (rest > 0) {
            d->claims[claims++] = (struct claim){ rest, i };
        }
    }
    for (size_t c = 0; c < claims && left > 0; c++) {
        struct claim *claim = &d->claims[c];
        double chance = fmin(1, claim->rank * left / sum);
        double draw = draw_of(plan, ~(uint64_t)plan->list[claim->at].member);
        claim->rank = rank_of(chance, draw, deficit_of(plan, claim->at));
    }
    size_t met = meet(d->claims, claims, left);
    for (size_t i = 0; i < met; i++) {
        count[d->claims[i].at]++;
    }
}

void apportion(const struct apportion_plan *plan, uint32_t *slot)
{
    struct division d = { .plan = plan,
                          .claims = xcalloc(plan->list_count + 1, sizeof(*d.claims)),
                          .groups = xcalloc(plan->list_count + 1, sizeof(*d.groups)) };
    divide(&d);
    for (size_t g = 0; g < d.group_count; g++) {
        divide_group(&d, &d.groups[g], slot + 1);
    }
    for (size_t i = 0; i < plan->list_count; i++) {
        slot[i + 1] += slot[i];
    }
    free(d.claims);
    free(d.groups);
}
