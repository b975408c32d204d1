/* Apportionment: how many slots of a deck each member gets. Each member gets its part of each deck,
 * rounded up or down, so that its part over all areas and deals is right. Pure.
 *
 * A slot is one position in one set of a deck. Shares are not whole numbers of slots, and most
 * members are rounded in most areas: in a pool of thousands, a small member has some hundred slots
 * in a whole day, less than one of them in any area. So the members to round up are drawn by Pareto
 * sampling (Rosen 1997): a fixed number, each with its fraction as its probability. By chance
 * alone, the deviation from the shares would grow with the square root of the number of slots. So
 * the draw has a memory: the *deficit* of a member is what it got less than its shares in all areas
 * together (negative: what it got more). Its chance rises by half of itself for each slot of
 * deficit, and faster beyond that. This keeps the deviation at about one slot, however small the
 * share is and however shares change: the noise is p (1 - p) a draw, the pull APPORTION_PULL p (1 -
 * p), so the variance is 1 / (2 APPORTION_PULL). The pull is the same in all areas and sums to
 * nothing, so each area still gives a member its part. */
#ifndef ZONE_APPORTION_H
#define ZONE_APPORTION_H

#include "zone/steering/allocation.h"

#define APPORTION_PULL 0.5
/* More is forgiven: a member whose share can't be reached collects no claim. */
#define APPORTION_DEFICIT_MAX 8.0

struct apportion_plan {
    const struct share *list; /* members of one group are neighbours */
    size_t list_count;
    const struct allocation_member *members;
    unsigned per_set;
    size_t sets;
    const double *deficit; /* by candidate index, in slots; NULL: all 0 */
    uint64_t seed, round;  /* of the area; of the deal */
};

/* Writes where each entry of the list starts on the line of sets * per_set slots, and the end after
 * the last one. `slot` has room for these and is 0 before the call. No group gets more than one
 * slot per set. With fewer groups than slots in a set, this holds for members instead, and each
 * group gets at least one slot per set. */
void apportion(const struct apportion_plan *plan, uint32_t *slot);

#endif
