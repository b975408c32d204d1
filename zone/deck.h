/* Decks: the SRV sets of one cell, drawn ahead of the queries by systematic sampling.
 *
 * Each member gets its part of the slots, one a set and place, rounded up or down; who is rounded up is drawn, and more likely the more it is owed
 * from before and from other areas (zone/slots.h), so that over time also a share far smaller than one set of a deck is right. The slots are laid end to
 * end, groups of kin together, and dealt
 * like cards, round the sets: what is
 * contiguous and no longer than the number of sets meets no set twice, so neither a member nor two kin do. This is done for eight
 * strata of the deck, each with the groups in another random order, so that who comes with whom varies. The groups' order keeps the families
 * together (IPv4 only, mixed, both, IPv6 only), so that nearly every set has both; where one lacks a family, it swaps a member with a set
 * that can spare one, which changes nobody's part. */
#ifndef ZONE_DECK_H
#define ZONE_DECK_H

#include "zone/roster.h"
#include "zone/shares.h"

enum {
    DECK_SETS_MIN = 8,
    DECK_SETS_MAX = 1024,
    DECK_STRATA = 8,
    DECK_SET_MAX = SHARES_SET_MAX,
    DECK_SRV_SCRATCH = DECK_SET_MAX * (2 + 6 + DNAME_MAX)
};

struct deck_set {
    uint8_t count;
    uint32_t members
        [DECK_SET_MAX]; /* seats of the roster; the first is for clients that take one only */
};

struct deck {
    size_t count;
    bool few; /* fewer groups of kin than places in a set: there kin may meet */
    struct deck_set *sets;
};

/* What to deal. The members' groups, families and capacities are by seat. */
struct deck_plan {
    const struct share *list; /* of shares_of */
    size_t list_count;
    unsigned per_set; /* of shares_of */
    size_t sets;      /* DECK_SETS_MIN times a power of two, up to DECK_SETS_MAX */
    const struct shares_member *members;
    uint64_t seed;  /* of the cell */
    uint64_t round; /* of the deal: counts up */
    double *
        owed; /* by seat: what members are owed (zone/slots.h), of which this deal is settled; NULL: nothing is kept of it */
    double value; /* of a slot, there */
};

/* With the same plan the same deck comes out. An empty list makes an empty deck (count 0). */
void deck_deal(struct deck *out, const struct deck_plan *plan);
void deck_copy(struct deck *out, const struct deck *deck);
void deck_done(struct deck *deck);
/* The number of sets for a deck that gets `part` (0 to 1) of `total` sets. */
size_t deck_size(double part, size_t total);

/* Between deals, in place of a new one: each member whose capacity has become 0 is replaced, in the sets that hold it and nowhere
 * else, by one that the deck itself draws (a random member of a random set), with kin and families as in a deal. Returns how many
 * sets changed. */
size_t deck_leave(struct deck *deck, const struct shares_member *members, uint64_t *random);
/* Gives a new member its part (`expected` as in struct share) of the sets, in place of others at random; where sets have room, it comes into all
 * of these. Returns how many sets changed. */
size_t deck_join(struct deck *deck, const struct shares_member *members, uint32_t member,
                 double expected, unsigned per_set, uint64_t *random);
/* Makes an empty deck one of `sets` empty sets, for members that join. */
void deck_open(struct deck *deck, size_t sets);

/* The SRV RRset of a set, built in `scratch`: priority 0, weight equal (1) or, by `weights`, the member's (1 to 65535; all of the
 * set scaled down if one is over), its port and name; two members of one target and port make one record. In canonical order as
 * every RRset: for the clients that take the first record only, whoever writes it out starts at a record of its own choice.
 * A NULL set gives the one record `0 0 0 .`, "decidedly not available" (RFC 2782), so that the name has its RRset, and the NSEC
 * chain its shape, also while nobody is eligible. */
void deck_srv(const struct deck_set *set, const struct roster *roster, bool weights, uint32_t ttl,
              uint8_t scratch[DECK_SRV_SCRATCH], struct rrset *out);

#endif
