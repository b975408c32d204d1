/* Slots: how many of a deck's places each member gets, so that it has its part in each deck, rounded up or down, and over the decks altogether.
 * Pure. */
#ifndef ZONE_SLOTS_H
#define ZONE_SLOTS_H

#include "zone/shares.h"

struct slots_plan {
    const struct share *list; /* members of one group together */
    size_t list_count;
    const struct shares_member *members;
    unsigned per_set;
    size_t sets;
    uint64_t seed, round; /* of the cell, of the deal */
};

/* Where each of the list starts on the line of sets * per_set slots, and one more at the end; `slot` has room for these, is 0 before. No group gets
 * more than one a set. */
void slots_of(const struct slots_plan *plan, uint32_t *slot);
/* The same with fewer groups than places, so that it is members who get at most one a set, and groups that get at least one. */
void slots_of_few(const struct slots_plan *plan, uint32_t *slot);

#endif
