/* Usage: what clients asked for, as steering takes it (struct steering_input). */
#ifndef SERVER_USAGE_H
#define SERVER_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start from `{ 0 }`. */
struct usage {
    double *demand;  /* by cell of the location files; NULL: the prior */
    uint64_t round;  /* of the deal that the next are of, whatever changes were worked into it */
    uint64_t *asked; /* answers by its areas */
    size_t area_count;
};

/* Makes room for a deal of this round, and forgets the earlier ones' answers. False if it is an earlier one. */
bool usage_turn_to(struct usage *usage, uint64_t round, size_t area_count);
/* Without the demand. */
struct usage usage_copy(const struct usage *usage);
void usage_done(struct usage *usage);

#endif
