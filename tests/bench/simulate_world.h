/* The simulated world: countries with internet users and resolvers, and members that fail and
 * return. */
#ifndef TESTS_BENCH_SIMULATE_WORLD_H
#define TESTS_BENCH_SIMULATE_WORLD_H

#include "zone/places/locations.h"
#include "zone/steering/candidates.h"

enum {
    WORLD_TTL_S = 150
};

struct world {
    uint64_t seed;
    size_t cell_count, member_count;
    struct cell *cells; /* the world, without users, then the countries */
    double *users;      /* by cell */
    struct candidates candidates;
    double *capacity;  /* by member, while it is up */
    uint64_t *back_at; /* by member: second of the day when it returns; 0: it is up */
    float *km_of;      /* by cell and member */
};

void world_init(struct world *w, uint64_t seed);
void world_done(struct world *w);
/* Lets members fail and return in the `step` seconds before `now`. */
void world_fail_and_return(struct world *w, uint64_t now, uint64_t step);
/* The queries of a cell's resolvers in one TTL. */
double world_queries(struct world *w, size_t cell, uint64_t now);

#endif
