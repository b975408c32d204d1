/* Lots: the members of a pool by about the same place and capacity, so that the cost of an area's
 * list grows with the places of members, not with their number. Pure. Part of
 * zone/steering/allocation.h.
 *
 * Members of one lot are at most some 300 km apart, in the same regions, and differ in capacity by
 * less than half. What an area takes from a lot is decided by the lot's mean; the weight of a
 * member in a list is its own. */
#ifndef ZONE_LOTS_H
#define ZONE_LOTS_H

#include "zone/steering/point.h"
#include "zone/steering/water_fill.h"

struct lots_member {
    struct point point;
    double capacity; /* above 0 */
    uint16_t regions[2];
};

struct lot {
    struct point point; /* the middle of its members */
    uint16_t regions[2];
    uint32_t first, end; /* range of `order` */
    double capacity;     /* of all its members */
};

struct lots {
    struct point_nearness nearness;
    struct lots_member *members; /* by index */
    size_t member_count;
    struct lot *list;
    size_t count;
    uint32_t *order; /* indexes of members, lot by lot, ascending within each */
    float *weights;  /* scratch by lot: of a mean member in an area; 0: not of the region */
    struct water_fill_entry *sorted; /* scratch */
};

/* A list that an area wants. */
struct lots_wish {
    struct point point; /* not placed: capacity alone counts */
    uint16_t region;    /* 0: members of all */
    size_t most;        /* entries, at least 2 */
    double start;       /* of the systematic sample, in [0, 1) */
};

/* Takes over the members. */
void lots_init(struct lots *out, struct lots_member *members, size_t count, double scale_km);
void lots_done(struct lots *lots);
/* The nearness of a member to an area that is placed. That of a member which is not placed is the
 * mean, by capacity, of those that are; 1 if there are none. */
double lots_nearness(const struct lots *lots, const struct point *area, const struct point *member);
/* Writes a list, in order of index: all members of the region, or, if these are more than `most`,
 * the heaviest of them and a sample of the others by capacity, whose weights stand for all.
 * Returns its length, at most `most` + 1. */
size_t lots_pick(struct lots *lots, const struct lots_wish *wish, struct water_fill_entry *out);

#endif
