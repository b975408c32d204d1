#include "zone/slots.h"

#include <math.h>
#include <stdlib.h>

#include "zone/result.h"
#include "zone/splitmix.h"

#define GOLDEN 0.6180339887498949

enum {
    PACES = 256,
    ROUNDS = 1000003 /* after so many the turns begin again */
};

static double unit(uint64_t *random)
{
    return (double)(splitmix(random) >> 11) * 0x1p-53;
}

/* With fewer groups than places: the line is cut at equal distances, so that each group, which takes up one place or more, gets one slot a
 * set at least. No member gets more. */
void slots_of_few(const struct slots_plan *plan, uint32_t *slot)
{
    uint64_t seed = plan->seed;
    double start = unit(&seed) + GOLDEN * (double)(plan->round % ROUNDS), along = 0;
    uint32_t slots = (uint32_t)(plan->sets * plan->per_set), at = 0;
    start -= floor(start);
    for (size_t i = 0; i < plan->list_count; i++) {
        uint32_t most = at + (uint32_t)plan->sets;
        along += plan->list[i].expected * (double)plan->sets;
        double to = floor(along + start);
        slot[i] = at;
        at = to > most ? most : to > at ? (uint32_t)to : at;
        at = at > slots ? slots : at;
    }
    slot[plan->list_count] = at;
}

/* A member whose part of the slots is no whole number. */
struct rest {
    double rank;
    uint32_t at;    /* in the list */
    uint32_t group; /* number of its group in the list */
};

/* Where the member stands in its turns: moves on from deal to deal, so that it gets one slot more in just that part of the deals that is its
 * fraction, whatever becomes of the others meanwhile. */
static double turn_of(const struct slots_plan *plan, size_t i)
{
    uint64_t seed = plan->seed ^ (plan->list[i].member + 1) * 0xd1342543de82ef95U;
    double turn = unit(&seed), pace = GOLDEN * (double)(1 + splitmix(&seed) % PACES);
    turn += pace * (double)(plan->round % ROUNDS);
    return turn - floor(turn);
}

static void swap_rests(struct rest *a, struct rest *b)
{
    struct rest kept = *a;
    *a = *b;
    *b = kept;
}

/* Brings the `count` lowest ranks to the front (quickselect). */
static void select_lowest(struct rest *rests, size_t len, size_t count)
{
    size_t low = 0, high = len;
    while (count > low && count < high) {
        size_t border = low;
        swap_rests(&rests[low + (high - low) / 2], &rests[high - 1]);
        for (size_t i = low; i < high - 1; i++) {
            if (rests[i].rank < rests[high - 1].rank) {
                swap_rests(&rests[i], &rests[border++]);
            }
        }
        swap_rests(&rests[border], &rests[high - 1]);
        if (count <= border) {
            high = border;
        } else {
            low = border + 1;
        }
    }
}

static uint32_t group_at(const struct slots_plan *plan, size_t i)
{
    return plan->members[plan->list[i].member].group;
}

/* Each member gets the whole part of its slots; the slots left over go to those whose turn it is (Pareto sampling, Rosen 1997: a fixed
 * number, each with its fraction as its chance). No group gets more than one slot a set. */
void slots_of(const struct slots_plan *plan, uint32_t *slot)
{
    struct rest *rests = xcalloc(plan->list_count, sizeof(*rests));
    uint32_t *count = xcalloc(plan->list_count, sizeof(*count));
    uint32_t *of_group = xcalloc(plan->list_count, sizeof(*of_group));
    uint32_t left = (uint32_t)(plan->sets * plan->per_set);
    size_t len = 0;
    uint32_t group = 0;
    for (size_t i = 0; i < plan->list_count; i++) {
        double slots = plan->list[i].expected * (double)plan->sets;
        double whole = floor(slots + 1e-9), part = fmax(slots - whole, 1e-12);
        double turn = turn_of(plan, i);
        group += i > 0 && group_at(plan, i) != group_at(plan, i - 1) ? 1 : 0;
        count[i] = (uint32_t)whole;
        of_group[group] += count[i];
        left -= count[i];
        rests[len++] = (struct rest){ turn * (1 - part) / (part * (1 - turn)), (uint32_t)i, group };
    }
    select_lowest(rests, len, left < len ? left : len);
    for (size_t i = 0; i < len && left > 0; i++) {
        if (of_group[rests[i].group] < plan->sets) {
            of_group[rests[i].group]++;
            count[rests[i].at]++;
            left--;
        }
    }
    for (size_t i = 0; i < plan->list_count; i++) {
        slot[i + 1] = slot[i] + count[i];
    }
    free(rests);
    free(count);
    free(of_group);
}
