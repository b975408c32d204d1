/* Shares: how often each member is to be in the SRV sets of each cell, so that answers are near and
 * no member is overloaded. Pure.
 *
 * A member's weight in a cell is capacity * exp(-km / scale) * factor. A set holds `per_set`
 * members, each member and each group of kin (zone/steering/failure_domain.h) at most once, so what
 * is asked for beyond that goes to the others; what is computed here are the achieved shares, those
 * that the decks then realise. The factors, at most 1, are found by scaling (Sinkhorn): lower the
 * factor of who gets more than max_overload times its part of all capacity, raise it again where
 * there is room, until nobody gets more and nobody is held back for nothing. So it does not matter
 * which factors it starts from.
 *
 * Rules where the place is no help: a cell without place weighs by capacity alone. A member without
 * place counts in each cell as if at the distance where an average unit of capacity is (the mean of
 * exp(-km / scale)). Capacity 0 is never in a set. With no demand anywhere, all cells count alike.
 *
 * Families: a set is to hold a member reachable by IPv4 and, where the cell has any, one by IPv6.
 * So if the expected number of one family's members in a set is under 1, they are raised to that,
 * before all else. (With one member a set there is no such rule.) Few kin groups: with fewer groups
 * than per_set each group is in every set, and the rest is filled from members regardless of kin.
 *
 * Large pools: up to `entries` pairs of cell and member are considered. Beyond that each cell has a
 * list: half of it its heaviest members, half drawn from all others by capacity (systematically,
 * from a start that follows the seed), each weighing for those it stands for. Cells with more
 * demand have longer lists, since they need more members to carry it. */
#ifndef ZONE_ALLOCATION_H
#define ZONE_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ALLOCATION_SET_MAX = 8,
    ALLOCATION_ENTRIES = 2000000, /* 8 octets each while shares are computed */
    ALLOCATION_ROUNDS = 100
};

/* A place on the unit sphere. */
struct point {
    float x, y, z;
    bool placed;
};
struct point point_at(double latitude, double longitude);
double point_km(const struct point *a, const struct point *b);

struct allocation_cell {
    struct point spot;
    double demand;   /* any unit, at least 0; cells without take no part in the scaling */
    uint16_t region; /* only members of this region, by capacity alone, without factors; 0: all */
};

struct allocation_member {
    struct point spot;
    double capacity;     /* with the ramp applied */
    uint32_t group;      /* of kin: equal numbers are never together in a set */
    uint16_t regions[2]; /* country and continent, 0: none */
    bool ipv4, ipv6;
};

struct allocation_problem {
    const struct allocation_cell *cells; /* borrowed, as the members, until allocation_free */
    size_t cell_count;
    const struct allocation_member *members;
    size_t member_count;
    unsigned per_set; /* 1 to ALLOCATION_SET_MAX */
    double max_overload, scale_km;
    size_t entries; /* ALLOCATION_ENTRIES, fewer in tests */
    uint64_t seed;
    /* by member, from allocation_results of a problem much the same, to start from; or NULL */
    const double *factors;
    bool settled; /* take these as they are: no scaling */
};

/* How often a member is in a set: 0 to 1. In order of kin group. */
struct share {
    uint32_t member;
    double expected;
};

struct allocation;

/* Finds the factors. */
struct allocation *allocation_new(const struct allocation_problem *problem);
void allocation_free(struct allocation *allocation);

/* What a cell's list comes to. */
struct allocation_list {
    size_t count;     /* members that may be handed out */
    unsigned per_set; /* members a set holds: the problem's, or `count` if that is less */
    double level;     /* a newcomer of weight w (allocation_weight) gets about min(1, level * w) */
};
/* One cell's shares into `out`, which has room for all members. */
struct allocation_list allocation_of(struct allocation *allocation,
                                     const struct allocation_cell *cell, struct share *out);
/* Capacity times nearness, without the factor. */
double allocation_weight(const struct allocation *allocation, const struct allocation_cell *cell,
                         const struct allocation_member *member);
/* Each member's expected part of all answers (0 to 1, in all 1 if there are any), and its factor.
 * By member, `member_count` of each. */
void allocation_results(const struct allocation *allocation, double *loads, double *factors);
/* The largest ratio of a member's load to its part of all capacity, and how many rounds it took. */
double allocation_worst(const struct allocation *allocation);
unsigned allocation_rounds(const struct allocation *allocation);

#endif
