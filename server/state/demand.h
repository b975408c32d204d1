/* Demand: what clients asked for, as steering takes it (struct steering_input). */
#ifndef SERVER_DEMAND_H
#define SERVER_DEMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start from `{ 0 }`. */
struct demand {
    double *by_cell; /* by cell of the location files; NULL: the prior */
    uint64_t round;  /* of the deal that `asked` belongs to; patches keep the round */
    uint64_t *asked; /* answers by area of that deal */
    size_t area_count;
};

/* Begins to count for the deal of this round, with no answers yet if it is newer than the present
 * one. False if it is older. */
bool demand_turn_to(struct demand *demand, uint64_t round, size_t area_count);
/* Without by_cell. */
struct demand demand_copy(const struct demand *demand);
void demand_done(struct demand *demand);

#endif
