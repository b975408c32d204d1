/* Usage: what clients asked for, as steering takes it (struct steering_input). */
#ifndef SERVER_DEMAND_H
#define SERVER_DEMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start from `{ 0 }`. */
struct demand {
    double *by_cell; /* by cell of the location files; NULL: the prior */
    uint64_t round;  /* of the deal that the next are of, whatever changes were worked into it */
    uint64_t *asked; /* answers by its areas */
    size_t area_count;
};

/* Makes room for a deal of this round, and forgets the earlier ones' answers. False if it is an
 * earlier one. */
bool demand_turn_to(struct demand *demand, uint64_t round, size_t area_count);
/* Without the demand. */
struct demand demand_copy(const struct demand *demand);
void demand_done(struct demand *demand);

#endif
