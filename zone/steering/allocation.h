/* Allocation: how often each member should be in the SRV sets of each area, so that answers are
 * near the client and no member is overloaded. Pure.
 *
 * A member's weight in an area is capacity * exp(-km / scale) * factor. A set holds `per_set`
 * members, at most one per failure domain (zone/steering/failure_domain.h). A share that would
 * exceed this goes to the other members (water-filling, zone/steering/water_fill.h). So the shares
 * computed here are the ones that decks can realise. The factors are at most 1. They are found by
 * Sinkhorn scaling: lower the factor of a member that gets more than max_overload times its part of
 * all capacity, raise it again where there is room, until no member exceeds its limit and no member
 * is held back without need. The result does not depend on the factors it starts from.
 *
 * Where location does not help: an area without a location weighs members by capacity alone. A
 * member without a location counts in each area as if it were at the distance of an average unit of
 * capacity (the mean of exp(-km / scale)). A member of capacity 0 is never in a set. Without any
 * demand, all areas count alike.
 *
 * Address families: a set should hold one member reachable by IPv4 and, if the area has any, one
 * reachable by IPv6. So if the expected number of a family's members in a set is below 1, it is
 * raised to 1 before anything else. (There is no such rule with one member per set.) Few failure
 * domains: with fewer domains than per_set, each domain is in every set, and the remaining slots
 * are filled regardless of domain.
 *
 * Large pools: up to `entries` pairs of area and member are considered. Beyond that, each area has
 * a list: up to half of it its heaviest members, the others drawn by capacity (systematic sampling
 * with a start that depends on the seed). A drawn member's weight stands for those not drawn. Areas
 * with more demand have longer lists, since they need more members to carry it. Lists are made from
 * lots (zone/steering/lots.h), so their cost grows with the places of members. */
#ifndef ZONE_ALLOCATION_H
#define ZONE_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/steering/point.h"

enum {
    ALLOCATION_SET_MAX = 8,
    ALLOCATION_ENTRIES = 2000000, /* 8 octets each during the computation */
    ALLOCATION_ROUNDS = 100
};

struct allocation_area {
    struct point point;
    double demand;   /* in any unit, at least 0; an area without demand takes no part in scaling */
    uint16_t region; /* if not 0: only members of this region, by capacity alone, without factors */
};

struct allocation_member {
    struct point point;
    double capacity; /* in Mbit/s, the ramp applied */
    /* failure domain, numbered from 0 up: a set never holds two members of one group */
    uint32_t group;
    uint16_t regions[2]; /* country and continent, 0: none */
    bool ipv4, ipv6;
};

struct allocation_problem {
    const struct allocation_area *areas; /* borrowed until allocation_free, as are the members */
    size_t area_count;
    const struct allocation_member *members;
    size_t member_count;
    unsigned per_set; /* 1 to ALLOCATION_SET_MAX */
    double max_overload, scale_km;
    size_t entries; /* ALLOCATION_ENTRIES, or fewer in tests */
    uint64_t seed;
    /* by member, from allocation_results of a similar problem, as a start; or NULL */
    const double *factors;
    bool keep_factors; /* take these factors as they are, without scaling */
};

/* The expected number of times a member is in a set, 0 to 1. Lists of shares are in order of
 * failure domain. */
struct share {
    uint32_t member;
    double expected;
};

struct allocation;

/* Scales. Never fails; the memory is freed by allocation_free. */
struct allocation *allocation_new(const struct allocation_problem *problem);
void allocation_free(struct allocation *allocation);

/* The report of allocation_of on an area's list. */
struct allocation_list {
    size_t count;     /* members that may be handed out */
    unsigned per_set; /* members in a set: the problem's per_set, or `count` if that is less */
    double level; /* a new member of weight w (allocation_weight) gets about min(1, level * w) */
};
/* Writes the shares of one area to `out`, which has room for all members. */
struct allocation_list allocation_of(struct allocation *allocation,
                                     const struct allocation_area *area, struct share *out);
/* Capacity times nearness, without the factor. */
double allocation_weight(const struct allocation *allocation, const struct allocation_area *area,
                         const struct allocation_member *member);
/* Writes the expected part of all answers (0 to 1, in all 1 if there are any) and the factor of
 * each member. Both arrays have `member_count` elements. */
void allocation_results(const struct allocation *allocation, double *loads, double *factors);
/* The largest ratio of a member's load to its part of all capacity, and the rounds that scaling
 * took: for tests and benchmarks. */
double allocation_worst(const struct allocation *allocation);
unsigned allocation_rounds(const struct allocation *allocation);

#endif
