#include "zone/steering/water_fill.h"

#include <math.h>

#define FAMILY_PART                                                                                \
    1.02 /* above 1, so that rounding in a deck leaves no set without the family                   \
          */

enum {
    FAMILY_ROUNDS = 40
};

/* The largest sums of many, and the sum of the others. That sum is kept apart since it may be tiny
 * beside the largest. */
struct top {
    double sums[WATER_FILL_SET_MAX]; /* descending, padded with 0 */
    double others;
};

static void top_add(struct top *top, double sum)
{
    size_t at = WATER_FILL_SET_MAX - 1;
    if (sum <= top->sums[at]) {
        top->others += sum;
        return;
    }
    top->others += top->sums[at];
    for (; at > 0 && top->sums[at - 1] < sum; at--) {
        top->sums[at] = top->sums[at - 1];
    }
    top->sums[at] = sum;
}

/* The level at which min(1, level * sum) adds up to `slots`. Only the largest sums can reach 1. */
static double top_level(const struct top *top, unsigned slots)
{
    double rest[WATER_FILL_SET_MAX + 1];
    rest[WATER_FILL_SET_MAX] = top->others;
    for (unsigned i = WATER_FILL_SET_MAX; i > 0; i--) {
        rest[i - 1] = rest[i] + top->sums[i - 1];
    }
    for (unsigned full = 0; full < slots; full++) {
        double level = (slots - full) / rest[full];
        if (!(level * top->sums[full] > 1)) {
            return level;
        }
    }
    return 1 / top->sums[slots - 1]; /* as many sums as slots, perhaps by rounding */
}

static uint32_t group_of(const struct water_fill *f, size_t i)
{
    return f->group[f->list[i].at];
}

/* Returns the end of the group that starts at `i`, and its sum of weights. */
static size_t group_end(const struct water_fill *f, size_t i, double *sum)
{
    uint32_t group = group_of(f, i);
    *sum = 0;
    for (; i < f->count && group_of(f, i) == group; i++) {
        *sum += f->weights[i];
    }
    return i;
}

static size_t count_groups(const struct water_fill *f)
{
    size_t groups = 0;
    double sum;
    for (size_t i = 0; i < f->count && groups < f->per_set; i = group_end(f, i, &sum)) {
        groups++;
    }
    return groups;
}

/* Fills a set with each group at most once. */
static void fill_groups(struct water_fill *f)
{
    struct top top = { .others = 0 };
    double sum;
    for (size_t i = 0; i < f->count;) {
        i = group_end(f, i, &sum);
        top_add(&top, sum);
    }
    f->level = top_level(&top, f->per_set);
    for (size_t i = 0; i < f->count;) {
        size_t end = group_end(f, i, &sum);
        double level = f->level * sum > 1 ? 1 / sum : f->level;
        for (; i < end; i++) {
            f->expected[i] = f->weights[i] * level;
        }
    }
}

/* Fills by member, at most once each, without the groups that are fixed at one slot. Then fixes the
 * groups that got less than one slot. Returns how many. */
static unsigned fill_members(struct water_fill *f, bool *fixed, unsigned slots)
{
    struct top top = { .others = 0 };
    double sum;
    unsigned group = 0, found = 0;
    for (size_t i = 0; i < f->count; group++) {
        size_t end = group_end(f, i, &sum);
        for (; i < end; i++) {
            if (!fixed[group]) {
                top_add(&top, f->weights[i]);
            }
        }
    }
    f->level = top_level(&top, slots);
    group = 0;
    for (size_t i = 0; i < f->count; group++) {
        size_t start = i, end = group_end(f, i, &sum);
        double got = 0;
        for (; i < end; i++) {
            f->expected[i] = fixed[group] ? f->weights[i] / sum : fmin(1, f->level * f->weights[i]);
            got += f->expected[i];
        }
        if (!fixed[group] && got < 1 - 1e-12) {
            fixed[group] = true;
            found++;
            for (i = start; i < end; i++) {
                f->expected[i] = f->weights[i] / sum;
            }
        }
    }
    return found;
}

/* Fills a set when there are fewer groups than slots: each group at least once. */
static void fill_few(struct water_fill *f)
{
    bool fixed[WATER_FILL_SET_MAX] = { false };
    unsigned slots = f->per_set, found;
    do {
        found = fill_members(f, fixed, slots);
        slots -= found;
    } while (found > 0);
}

static void fill_slots(struct water_fill *f, bool few)
{
    if (few) {
        fill_few(f);
    } else {
        fill_groups(f);
    }
}

/* The expected number of a family's members in a set; -1 if all members or none are of the
 * family. */
static double family_part(const struct water_fill *f, unsigned family)
{
    double part = 0;
    size_t members = 0;
    for (size_t i = 0; i < f->count; i++) { /* without a branch: families look random here */
        unsigned in = (f->family[f->list[i].at] & family) / family;
        part += f->expected[i] * in;
        members += in;
    }
    return members == 0 || members == f->count ? -1 : part;
}

/* Raises the weights of a family until a set is expected to hold one of it. Caps of groups may take
 * several rounds, or prevent it. */
static void raise_family(struct water_fill *f, unsigned family, bool few)
{
    double part = family_part(f, family), before = 0;
    for (unsigned round = 0; round < FAMILY_ROUNDS && part >= 0 && part < 1.0 + 1e-3; round++) {
        double others = f->per_set - part, wanted = f->per_set - FAMILY_PART;
        double raise = FAMILY_PART / fmax(part, 1e-30) * (others / wanted);
        if (round > 0 && part - before < 1e-9) {
            return;
        }
        for (size_t i = 0; i < f->count; i++) {
            if ((f->family[f->list[i].at] & family) != 0) {
                f->weights[i] *= raise;
            }
        }
        fill_slots(f, few);
        before = part;
        part = family_part(f, family);
    }
}

void water_fill_set(struct water_fill *fill)
{
    for (size_t i = 0; i < fill->count; i++) {
        double factor = fill->factor == NULL ? 1 : fill->factor[fill->list[i].at];
        fill->weights[i] = (double)fill->list[i].weight * factor;
    }
    if (fill->count <= fill->per_set) {
        double sum = 0;
        for (size_t i = 0; i < fill->count; i++) {
            fill->expected[i] = 1;
            sum += fill->weights[i];
        }
        fill->level = fill->count > 0 ? fill->per_set / sum : 0;
        fill->per_set = (unsigned)fill->count;
        return;
    }
    bool few = count_groups(fill) < fill->per_set;
    fill_slots(fill, few);
    if (fill->per_set >= 2) {
        raise_family(fill, WATER_FILL_IPV6, few);
        raise_family(fill, WATER_FILL_IPV4, few);
    }
}
