/* A deck holds the SRV sets of one area, drawn ahead of the queries by systematic sampling.
 *
 * Each member gets its part of the slots (a slot is one position in one set), rounded up or down by
 * zone/steering/apportion.h, so that over time even a share far smaller than one set of a deck is
 * right.
 *
 * The slots are laid end to end on a line, members of one failure domain together. The deck has
 * many strata of DECK_SETS_MIN sets each; a stratum takes every n-th slot of the line, n being the
 * number of strata. Within a stratum, slots are dealt round the sets like cards: a run of slots no
 * longer than the number of sets meets no set twice. So no set has a member twice, or two of one
 * failure domain. Failure domains are in random order in each stratum, so that sets combine
 * different members. Their order keeps address families together (IPv4 only, mixed, both, IPv6
 * only), so that nearly every set has both. A set that lacks a family swaps a member with a set
 * that can spare one, which changes no member's part.
 *
 * Neighbours on the line are far apart in the deck. So any stretch of a deck gives each member its
 * part, as nearly as its length allows: few decks are used to their end before the next deal. */
#ifndef ZONE_DECK_H
#define ZONE_DECK_H

#include "zone/steering/allocation.h"

enum {
    DECK_SETS_MIN = 8,
    DECK_SETS_MAX = 1024,
    DECK_SET_MAX = ALLOCATION_SET_MAX
};

struct deck_set {
    uint8_t count;
    /* candidate indices; the first is for clients that take one only */
    uint32_t members[DECK_SET_MAX];
};

struct deck {
    size_t count;
    /* fewer failure domains than slots in a set: a set may hold several members of one */
    bool few_groups;
    struct deck_set *sets;
};

/* The input of a deck. Groups, families and capacities of members are by candidate index. */
struct deck_plan {
    const struct share *list; /* from allocation_of */
    size_t list_count;
    unsigned per_set; /* of allocation_of */
    size_t sets;      /* DECK_SETS_MIN times a power of two, up to DECK_SETS_MAX */
    const struct allocation_member *members;
    uint64_t seed;  /* of the area */
    uint64_t round; /* number of the deal, counts up */
    /* by candidate index, in slots (zone/steering/apportion.h); this deal updates them. NULL: no
     * deficits are kept */
    double *deficit;
    double value; /* weight of one slot of this deck in `deficit` */
};

/* The same plan makes the same deck. An empty list makes an empty deck (count 0). */
void deck_deal(struct deck *out, const struct deck_plan *plan);
/* Updates deficits (by candidate index) after so many answers: adds each member's share of them,
 * subtracts the number that the deck gave it. */
void deck_update_deficit(const struct deck *deck, const struct share *list, size_t list_count,
                         double answers, double *deficit);
void deck_copy(struct deck *out, const struct deck *deck);
void deck_done(struct deck *deck);
/* The number of sets for a deck that gets `part` (0 to 1) of `total` sets. */
size_t deck_size(double part, size_t total);

/* Between deals: replaces each member of capacity 0 in the sets that hold it, and nowhere else, by
 * a random member of a random set, with failure domains and families as in a deal. Returns how many
 * sets changed. */
size_t deck_leave(struct deck *deck, const struct allocation_member *members, uint64_t *random);
/* Gives a new member its part of the sets (`expected` as in struct share), in place of random
 * others; a set with a free slot takes it in any case. Returns how many sets changed. */
size_t deck_join(struct deck *deck, const struct allocation_member *members, uint32_t member,
                 double expected, unsigned per_set, uint64_t *random);
/* Gives an empty deck `sets` empty sets, for members that join. */
void deck_open(struct deck *deck, size_t sets);

#endif
