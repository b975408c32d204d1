/* Slots: how many of a deck's places each member gets, so that it has its part in each deck,
 * rounded up or down, and over areas and deals altogether. Pure.
 *
 * Shares are no whole numbers of slots, and most members are rounded in most areas: in a pool of
 * thousands the whole day of a small one is a hundred slots or so, of which any area gives less
 * than one. So who is rounded up is drawn (Pareto sampling, Rosen 1997: a fixed number, each with
 * its fraction as its chance), but with a memory: what a member got less than its shares, in all
 * areas together, it is *owed* (negative: what it got more), and for each slot that it is owed its
 * chances are half as good again, of many even better. By chance alone, the difference would grow
 * as the root of the number of slots. So it stays about one slot (noise p (1 - p) a draw against a
 * pull of APPORTION_PULL p (1 - p): a variance of 1 / (2 APPORTION_PULL)), however small the share
 * is and however shares change. The pull is the same in all areas and adds up to nothing, so each
 * has its part of a member still. */
#ifndef ZONE_APPORTION_H
#define ZONE_APPORTION_H

#include "zone/steering/allocation.h"

#define APPORTION_PULL 0.5
#define APPORTION_DEFICIT_MAX                                                                      \
    8.0 /* what is beyond is forgiven, so that who can't be given its share collects no claim */

struct apportion_plan {
    const struct share *list; /* members of one group together */
    size_t list_count;
    const struct allocation_member *members;
    unsigned per_set;
    size_t sets;
    const double *deficit; /* by seat, in slots; NULL: nobody is owed anything */
    uint64_t seed, round;  /* of the area, of the deal */
};

/* Where each of the list starts on the line of sets * per_set slots, and one more at the end;
 * `slot` has room for these, is 0 before. No group gets more than one a set; with fewer groups than
 * places it is members who don't, and each group gets at least one. */
void apportion(const struct apportion_plan *plan, uint32_t *slot);

#endif
