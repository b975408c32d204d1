#include "zone/steering/allocation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/result.h"
#include "zone/base/splitmix.h"
#include "zone/steering/lots.h"

#define FACTOR_MIN   1e-12
#define CLOSE_ENOUGH 1.002 /* scaling ends when no load is above this times its limit */
/* and no member with a factor below 1 has more than this part of its limit unused */
#define ROOM_LEFT  0.01
#define RELAXATION 1.5 /* overshooting takes fewer rounds */

struct list {
    struct water_fill_entry *entries;
    size_t count;
};

struct allocation {
    struct allocation_problem problem;
    uint32_t *order; /* members with capacity, in order of failure domain, IPv4-only ones first */
    size_t ordered;
    double capacity; /* of all */
    /* The next four are by index into `order`. */
    uint32_t *group;
    uint8_t *family;
    double *factor, *load;
    double worst; /* largest ratio of load to fair share */
    /* largest unused part of a limit among members with a factor below 1 */
    double room;
    unsigned rounds;
    double demand;                 /* of all areas but regions; 0: all count alike */
    size_t counted;                /* number of areas but regions */
    struct lots lots;              /* by index into `order`, too */
    double *expected, *weights;    /* scratch, one per member */
    struct water_fill_entry *list; /* scratch */
};

static bool by_distance(const struct allocation_area *area)
{
    return area->point.placed && area->region == 0;
}

double allocation_weight(const struct allocation *allocation, const struct allocation_area *area,
                         const struct allocation_member *member)
{
    bool in = area->region == 0 || member->regions[0] == area->region ||
              member->regions[1] == area->region;
    double near =
        by_distance(area) ? lots_nearness(&allocation->lots, &area->point, &member->point) : 1;
    return in && member->capacity > 0 ? member->capacity * near : 0;
}

/* The start of an area's systematic sample, in [0, 1). */
static double start_of(const struct allocation *s, const struct allocation_area *area)
{
    uint64_t random = s->problem.seed;
    float coordinates[3] = { area->point.x, area->point.y, area->point.z };
    for (unsigned i = 0; i < 3; i++) {
        uint32_t bits = 0;
        memcpy(&bits, &coordinates[i], sizeof(bits));
        random = splitmix(&random) ^ bits;
    }
    return (double)(splitmix(&random) >> 11) * 0x1p-53;
}

/* The longest list an area may have. */
static size_t list_room(const struct allocation *s, const struct allocation_area *area)
{
    double areas = (double)s->problem.area_count, half = (double)s->problem.entries / 2;
    double room = half / fmax(areas, 1);
    if (s->demand > 0 && area->region == 0) {
        room += half * area->demand / s->demand;
    }
    bool all = areas * (double)s->ordered <= 2 * half || room >= (double)s->ordered;
    return all ? s->ordered : (size_t)room + 2 * (size_t)ALLOCATION_SET_MAX;
}

static size_t make_list(struct allocation *s, const struct allocation_area *area,
                        struct water_fill_entry *out)
{
    const struct lots_wish wish = {
        .point = by_distance(area) ? area->point : (struct point){ .placed = false },
        .region = area->region,
        .most = list_room(s, area),
        .start = start_of(s, area),
    };
    return lots_pick(&s->lots, &wish, out);
}

static struct water_fill fill_of(const struct allocation *s, const struct water_fill_entry *list,
                                 size_t count, bool plain)
{
    return (struct water_fill){ .list = list,
                                .count = count,
                                .group = s->group,
                                .family = s->family,
                                .factor = plain ? NULL : s->factor,
                                .per_set = s->problem.per_set,
                                .weights = s->weights,
                                .expected = s->expected };
}

/* Computes each member's part of all answers with the current factors. */
static void measure(struct allocation *s, const struct list *lists)
{
    memset(s->load, 0, s->ordered * sizeof(*s->load));
    for (size_t a = 0; a < s->problem.area_count; a++) {
        const struct list *list = &lists[a];
        if (list->count == 0) {
            continue;
        }
        struct water_fill f = fill_of(s, list->entries, list->count, false);
        water_fill_set(&f);
        double demand =
            s->demand > 0 ? s->problem.areas[a].demand / s->demand : 1 / (double)s->counted;
        for (size_t i = 0; i < f.count; i++) {
            s->load[list->entries[i].at] += demand * f.expected[i] / f.per_set;
        }
    }
}

static double fair_share(const struct allocation *s, size_t i)
{
    return s->problem.members[s->order[i]].capacity / s->capacity;
}

static void find_worst(struct allocation *s)
{
    s->worst = s->room = 0;
    for (size_t i = 0; i < s->ordered; i++) {
        double limit = s->problem.max_overload * fair_share(s, i);
        s->worst = fmax(s->worst, s->load[i] / fair_share(s, i));
        s->room = s->factor[i] < 1 ? fmax(s->room, 1 - s->load[i] / limit) : s->room;
    }
}

static void adjust(struct allocation *s)
{
    for (size_t i = 0; i < s->ordered; i++) {
        double limit = s->problem.max_overload * fair_share(s, i);
        if (s->factor[i] >= 1 && s->load[i] <= limit) {
            continue; /* it stays 1; pow takes long */
        }
        double ratio = s->load[i] > 0 ? limit / s->load[i] : 1 / FACTOR_MIN;
        s->factor[i] = fmin(1, fmax(FACTOR_MIN, s->factor[i] * pow(ratio, RELAXATION)));
    }
}

/* True if the area takes part in scaling. */
static bool has_demand(const struct allocation *s, const struct allocation_area *area)
{
    return area->region == 0 && (s->demand <= 0 || area->demand > 0);
}

static void scale(struct allocation *s)
{
    struct list *lists = xcalloc(s->problem.area_count + 1, sizeof(*lists));
    double *best = xmalloc((s->ordered + 1) * sizeof(*best));
    double best_worst = HUGE_VAL;
    bool kept = false;
    for (size_t a = 0; a < s->problem.area_count; a++) {
        if (has_demand(s, &s->problem.areas[a])) {
            size_t count = make_list(s, &s->problem.areas[a], s->list);
            lists[a].entries = xmalloc((count + 1) * sizeof(struct water_fill_entry));
            lists[a].count = count;
            memcpy(lists[a].entries, s->list, count * sizeof(struct water_fill_entry));
        }
    }
    for (s->rounds = 1;; s->rounds++) {
        measure(s, lists);
        find_worst(s);
        if (s->worst < best_worst) {
            best_worst = s->worst;
            memcpy(best, s->factor, s->ordered * sizeof(*best));
        }
        kept = s->worst <= s->problem.max_overload * CLOSE_ENOUGH;
        if ((kept && s->room <= ROOM_LEFT) || s->rounds == ALLOCATION_ROUNDS) {
            break;
        }
        adjust(s);
    }
    if (!kept && s->worst > best_worst) {
        memcpy(s->factor, best, s->ordered * sizeof(*best));
        measure(s, lists);
        find_worst(s);
    }
    for (size_t a = 0; a < s->problem.area_count; a++) {
        free(lists[a].entries);
    }
    free(lists);
    free(best);
}

/* The place of a member in `order`: by failure domain, those without IPv6 first. */
static size_t rank_of(const struct allocation_member *member)
{
    return 2 * (size_t)member->group + (member->ipv6 ? 1 : 0);
}

/* Takes the members with capacity, and counts them by rank first. */
static void put_in_order(struct allocation *s)
{
    size_t ranks = 0;
    for (size_t i = 0; i < s->problem.member_count; i++) {
        size_t after = rank_of(&s->problem.members[i]) + 1;
        ranks = after > ranks ? after : ranks;
    }
    uint32_t *before = xcalloc(ranks + 1, sizeof(*before));
    for (size_t i = 0; i < s->problem.member_count; i++) {
        const struct allocation_member *member = &s->problem.members[i];
        if (member->capacity > 0) {
            before[rank_of(member) + 1]++;
            s->ordered++;
            s->capacity += member->capacity;
        }
    }
    for (size_t rank = 0; rank < ranks; rank++) {
        before[rank + 1] += before[rank];
    }
    for (size_t i = 0; i < s->problem.member_count; i++) {
        if (s->problem.members[i].capacity > 0) {
            s->order[before[rank_of(&s->problem.members[i])]++] = (uint32_t)i;
        }
    }
    free(before);
}

static void take_members(struct allocation *s)
{
    put_in_order(s);
    struct lots_member *members = xmalloc((s->ordered + 1) * sizeof(*members));
    for (size_t i = 0; i < s->ordered; i++) {
        const struct allocation_member *member = &s->problem.members[s->order[i]];
        members[i] = (struct lots_member){ member->point,
                                           member->capacity,
                                           { member->regions[0], member->regions[1] } };
        s->group[i] = member->group;
        s->family[i] =
            (uint8_t)((member->ipv4 ? WATER_FILL_IPV4 : 0) | (member->ipv6 ? WATER_FILL_IPV6 : 0));
        s->factor[i] = s->problem.factors == NULL
                           ? 1
                           : fmin(1, fmax(FACTOR_MIN, s->problem.factors[s->order[i]]));
    }
    lots_init(&s->lots, members, s->ordered, s->problem.scale_km);
}

struct allocation *allocation_new(const struct allocation_problem *problem)
{
    struct allocation *s = xcalloc(1, sizeof(*s));
    size_t room = problem->member_count + 1;
    ASSERT(problem->per_set >= 1 && problem->per_set <= ALLOCATION_SET_MAX);
    s->problem = *problem;
    s->order = xmalloc(room * sizeof(*s->order));
    s->group = xmalloc(room * sizeof(*s->group));
    s->factor = xmalloc(room * sizeof(*s->factor));
    s->load = xcalloc(room, sizeof(*s->load));
    s->family = xmalloc(room);
    s->expected = xmalloc(room * sizeof(*s->expected));
    s->weights = xmalloc(room * sizeof(*s->weights));
    s->list = xmalloc(room * sizeof(*s->list));
    take_members(s);
    for (size_t a = 0; a < problem->area_count; a++) {
        bool counted = problem->areas[a].region == 0;
        s->demand += counted ? problem->areas[a].demand : 0;
        s->counted += counted ? 1 : 0;
    }
    if (s->counted > 0 && s->ordered > 0 && !problem->keep_factors) {
        scale(s);
    }
    return s;
}

void allocation_free(struct allocation *allocation)
{
    if (allocation == NULL) {
        return;
    }
    free(allocation->order);
    free(allocation->group);
    free(allocation->factor);
    free(allocation->load);
    free(allocation->family);
    free(allocation->expected);
    free(allocation->weights);
    lots_done(&allocation->lots);
    free(allocation->list);
    free(allocation);
}

struct allocation_list allocation_of(struct allocation *allocation,
                                     const struct allocation_area *area, struct share *out)
{
    size_t count = make_list(allocation, area, allocation->list);
    struct water_fill f = fill_of(allocation, allocation->list, count, area->region != 0);
    water_fill_set(&f);
    for (size_t i = 0; i < count; i++) {
        out[i] =
            (struct share){ allocation->order[allocation->list[i].at], allocation->expected[i] };
    }
    return (struct allocation_list){ count, f.per_set, f.level };
}

void allocation_results(const struct allocation *allocation, double *loads, double *factors)
{
    for (size_t i = 0; i < allocation->problem.member_count; i++) {
        loads[i] = 0;
        factors[i] = 1;
    }
    for (size_t i = 0; i < allocation->ordered; i++) {
        loads[allocation->order[i]] = allocation->load[i];
        factors[allocation->order[i]] = allocation->factor[i];
    }
}

double allocation_worst(const struct allocation *allocation)
{
    return allocation->worst;
}

unsigned allocation_rounds(const struct allocation *allocation)
{
    return allocation->rounds;
}
