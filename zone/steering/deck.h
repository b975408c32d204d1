/* Decks: the SRV sets of one cell, drawn ahead of the queries by systematic sampling.
 *
 * Each member gets its part of the slots, one a set and place, rounded up or down; who is rounded
 * up is drawn, and more likely the more it is owed from before and from other areas
 * (zone/steering/apportion.h), so that over time also a share far smaller than one set of a deck is
 * right. The slots are laid end to end, groups of kin together, and each of many strata, of
 * DECK_SETS_MIN sets, takes every so many'th one. It is dealt like cards, round the sets: what is
 * contiguous and no longer than the number of sets meets no set twice, so neither a member nor two
 * kin do. The groups are in another random order in each stratum, so that who comes with whom
 * varies. That order keeps the families together (IPv4 only, mixed, both, IPv6 only), so that
 * nearly every set has both; where one lacks a family, it swaps a member with a set that can spare
 * one, which changes nobody's part. Neighbours on the line lie far apart in the deck: so not only
 * the whole of a deck gives each member its part but any piece, as nearly as its length allows. Few
 * decks are asked for to their end before the next deal. */
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
    /* seats of the roster; the first is for clients that take one only */
    uint32_t members[DECK_SET_MAX];
};

struct deck {
    size_t count;
    bool few; /* fewer groups of kin than places in a set: there kin may meet */
    struct deck_set *sets;
};

/* What to deal. The members' groups, families and capacities are by seat. */
struct deck_plan {
    const struct share *list; /* of allocation_of */
    size_t list_count;
    unsigned per_set; /* of allocation_of */
    size_t sets;      /* DECK_SETS_MIN times a power of two, up to DECK_SETS_MAX */
    const struct allocation_member *members;
    uint64_t seed;  /* of the cell */
    uint64_t round; /* of the deal: counts up */
    /* by seat: what members are owed (zone/steering/apportion.h), of which this deal is settled;
     * NULL: nothing is kept of it */
    double *deficit;
    double value; /* of a slot, there */
};

/* With the same plan the same deck comes out. An empty list makes an empty deck (count 0). */
void deck_deal(struct deck *out, const struct deck_plan *plan);
/* Moves on what members are owed (by seat): adds what each should have of so many answers, by its
 * share, takes off what the deck gives it. */
void deck_settle(const struct deck *deck, const struct share *list, size_t list_count,
                 double answers, double *deficit);
void deck_copy(struct deck *out, const struct deck *deck);
void deck_done(struct deck *deck);
/* The number of sets for a deck that gets `part` (0 to 1) of `total` sets. */
size_t deck_size(double part, size_t total);

/* Between deals, in place of a new one: each member whose capacity has become 0 is replaced, in the
 * sets that hold it and nowhere else, by one that the deck itself draws (a random member of a
 * random set), with kin and families as in a deal. Returns how many sets changed. */
size_t deck_leave(struct deck *deck, const struct allocation_member *members, uint64_t *random);
/* Gives a new member its part (`expected` as in struct share) of the sets, in place of others at
 * random; where sets have room, it comes into all of these. Returns how many sets changed. */
size_t deck_join(struct deck *deck, const struct allocation_member *members, uint32_t member,
                 double expected, unsigned per_set, uint64_t *random);
/* Makes an empty deck one of `sets` empty sets, for members that join. */
void deck_open(struct deck *deck, size_t sets);

#endif
