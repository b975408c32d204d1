#include "zone/steering/allocation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/result.h"
#include "zone/base/splitmix.h"
#include "zone/steering/water_fill.h"

#define EARTH_KM     6371.0
#define NEARNESS_MIN 1e-18 /* so that there is an answer at any distance */
#define FACTOR_MIN   1e-12
#define CLOSE_ENOUGH 1.002 /* scaling ends when no load is above this times its limit */
/* and no member with a factor below 1 has more than this part of its limit unused */
#define ROOM_LEFT  0.01
#define RELAXATION 1.5 /* overshooting takes fewer rounds */

enum {
    STEPS = 4096, /* of the nearness table: 3 km each */
    BUCKETS = 4096
};

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
    double demand;              /* of all areas but regions; 0: all count alike */
    size_t counted;             /* number of areas but regions */
    float nearness[STEPS + 2];  /* by chord length */
    double *expected, *weights; /* scratch, one per member */
    float *scratch;
    struct water_fill_entry *list; /* scratch */
};

struct point point_at(double latitude, double longitude)
{
    const double degree = 3.14159265358979323846 / 180;
    double around = cos(latitude * degree);
    return (struct point){ (float)(around * cos(longitude * degree)),
                           (float)(around * sin(longitude * degree)), (float)sin(latitude * degree),
                           true };
}

static float chord(const struct point *a, const struct point *b)
{
    float x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;
    float length = sqrtf(x * x + y * y + z * z);
    return length < 2 ? length : 2;
}

double point_km(const struct point *a, const struct point *b)
{
    return 2 * EARTH_KM * asin(chord(a, b) / 2.0);
}

static void fill_nearness(struct allocation *s)
{
    for (unsigned i = 0; i <= STEPS; i++) {
        double km = 2 * EARTH_KM * asin((double)i / STEPS);
        s->nearness[i] = (float)fmax(exp(-km / s->problem.scale_km), NEARNESS_MIN);
    }
    s->nearness[STEPS + 1] = s->nearness[STEPS];
}

static float nearness(const struct allocation *s, const struct point *a, const struct point *b)
{
    float at = chord(a, b) * (STEPS / 2.0F);
    unsigned step = (unsigned)at;
    float part = at - (float)step;
    return s->nearness[step] + part * (s->nearness[step + 1] - s->nearness[step]);
}

static bool belongs(const struct allocation_member *member, uint16_t region)
{
    return region == 0 || member->regions[0] == region || member->regions[1] == region;
}

/* The nearness of an average unit of located capacity; 1 if no member has a location. */
static double mean_nearness(const struct allocation *s, const struct allocation_area *area)
{
    double sum = 0, capacity = 0;
    for (size_t i = 0; i < s->ordered; i++) {
        const struct allocation_member *member = &s->problem.members[s->order[i]];
        if (member->point.placed) {
            sum += member->capacity * (double)nearness(s, &area->point, &member->point);
            capacity += member->capacity;
        }
    }
    return capacity > 0 ? sum / capacity : 1;
}

static bool by_distance(const struct allocation_area *area)
{
    return area->point.placed && area->region == 0;
}

double allocation_weight(const struct allocation *allocation, const struct allocation_area *area,
                         const struct allocation_member *member)
{
    if (member->capacity <= 0 || !belongs(member, area->region)) {
        return 0;
    }
    double near = 1;
    if (by_distance(area)) {
        near = member->point.placed ? (double)nearness(allocation, &area->point, &member->point)
                                    : mean_nearness(allocation, area);
    }
    return member->capacity * near;
}

/* Writes the weights of all members in order to scratch, 0 for members of other regions. Returns
 * how many are not 0. */
static size_t compute_weights(struct allocation *s, const struct allocation_area *area)
{
    bool placed = by_distance(area);
    size_t count = 0;
    double mean = -1;
    for (size_t i = 0; i < s->ordered; i++) {
        const struct allocation_member *member = &s->problem.members[s->order[i]];
        double near = 1;
        if (placed && member->point.placed) {
            near = (double)nearness(s, &area->point, &member->point);
        } else if (placed) {
            mean = mean < 0 ? mean_nearness(s, area) : mean;
            near = mean;
        }
        bool in = belongs(member, area->region);
        s->scratch[i] = in ? (float)(member->capacity * near) : 0;
        count += in ? 1 : 0;
    }
    return count;
}

/* A coarse logarithm that orders positive floats: the exponent and the upper bits of the
 * fraction. */
static unsigned bucket_of(float weight)
{
    uint32_t bits = 0;
    memcpy(&bits, &weight, sizeof(bits));
    return bits >> 19;
}

/* The lowest bucket such that at most `most` weights are in it and above. */
static unsigned heavy_from(const float *weights, size_t count, size_t most)
{
    uint32_t counts[BUCKETS] = { 0 };
    for (size_t i = 0; i < count; i++) {
        counts[bucket_of(weights[i])]++;
    }
    unsigned from = BUCKETS;
    size_t above = 0;
    while (from > 1 && above + counts[from - 1] <= most) {
        above += counts[--from];
    }
    return from;
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

/* Makes the list of an area in a large pool: the heaviest members, and a sample of the others that
 * stands for all of them. */
static size_t pick(struct allocation *s, const struct allocation_area *area, size_t most,
                   struct water_fill_entry *out)
{
    unsigned heavy = heavy_from(s->scratch, s->ordered, most / 2);
    double rest = 0;
    size_t count = 0;
    for (size_t i = 0; i < s->ordered; i++) {
        bool light = s->scratch[i] > 0 && bucket_of(s->scratch[i]) < heavy;
        rest += light ? s->problem.members[s->order[i]].capacity : 0;
    }
    /* Lay the capacities end to end: each point `start` + n * `step` on this line draws a
     * member. */
    size_t half = most / 2;
    double step = rest / (double)half, start = start_of(s, area), along = 0, drawn = 0;
    for (size_t i = 0; i < s->ordered; i++) {
        float weight = s->scratch[i];
        if (weight <= 0) {
            continue;
        }
        if (bucket_of(weight) >= heavy) {
            out[count++] = (struct water_fill_entry){ (uint32_t)i, weight };
            continue;
        }
        double capacity = s->problem.members[s->order[i]].capacity;
        along += capacity;
        double points = ceil(along / step - start); /* points drawn up to here */
        if (points > drawn) {
            float scaled = (float)((double)weight * ((points - drawn) * step / capacity));
            drawn = points;
            out[count++] = (struct water_fill_entry){ (uint32_t)i, scaled };
        }
    }
    return count;
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
    size_t most = list_room(s, area);
    size_t count = compute_weights(s, area);
    if (count > most) {
        return pick(s, area, most, out);
    }
    size_t at = 0;
    for (size_t i = 0; i < s->ordered; i++) {
        if (s->scratch[i] > 0) {
            out[at++] = (struct water_fill_entry){ (uint32_t)i, s->scratch[i] };
        }
    }
    return at;
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

static int compare_order(const void *a, const void *b, void *arg)
{
    const struct allocation *s = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const struct allocation_member *left = &s->problem.members[x], *right = &s->problem.members[y];
    if (left->group != right->group) {
        return left->group < right->group ? -1 : 1;
    }
    if (left->ipv6 != right->ipv6) {
        return left->ipv6 ? 1 : -1;
    }
    return (x > y) - (x < y);
}

static void take_members(struct allocation *s)
{
    for (size_t i = 0; i < s->problem.member_count; i++) {
        if (s->problem.members[i].capacity > 0) {
            s->order[s->ordered++] = (uint32_t)i;
            s->capacity += s->problem.members[i].capacity;
        }
    }
    qsort_r(s->order, s->ordered, sizeof(s->order[0]), compare_order, s);
    for (size_t i = 0; i < s->ordered; i++) {
        const struct allocation_member *member = &s->problem.members[s->order[i]];
        s->group[i] = member->group;
        s->family[i] =
            (uint8_t)((member->ipv4 ? WATER_FILL_IPV4 : 0) | (member->ipv6 ? WATER_FILL_IPV6 : 0));
        s->factor[i] = s->problem.factors == NULL
                           ? 1
                           : fmin(1, fmax(FACTOR_MIN, s->problem.factors[s->order[i]]));
    }
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
    s->scratch = xmalloc(room * sizeof(*s->scratch));
    s->list = xmalloc(room * sizeof(*s->list));
    take_members(s);
    fill_nearness(s);
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
    free(allocation->scratch);
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
