/* Decks: for each country, and for the world, SRV sets drawn ahead of the queries. A deck is immutable once dealt.
 *
 * Each set is drawn by weight without replacement (Efraimidis and Spirakis 2006) from the country's eligible
 * members; a client in a country without any gets the world's, drawn from all. */
#ifndef ZONE_DECK_H
#define ZONE_DECK_H

#include "zone/roster.h"

enum {
    DECK_SETS = 64,
    DECK_SET_MAX = 8,
    DECK_SRV_SCRATCH = DECK_SET_MAX * (2 + 6 + DNAME_MAX)
};

struct deck_set {
    uint8_t count;
    uint32_t members[DECK_SET_MAX]; /* indices of roster.list, in order of the draw */
};

struct deck {
    char country[3]; /* empty: the world */
    struct deck_set sets[DECK_SETS];
};

struct decks {
    size_t count; /* the world first, then in order of country; 0 without candidates */
    struct deck *list;
    int16_t index[26 * 26]; /* country to list, -1: none */
};

/* Deals for the world and all countries that occur in the roster. `per_set` is settings.srv_count, 1 to DECK_SET_MAX. The seed decides:
 * with the same one, a country whose candidates are the same gets the same sets, whatever became of other countries. */
void decks_deal(struct decks *out, const struct roster *roster, unsigned per_set, uint64_t seed);
void decks_done(struct decks *decks);
/* The deck for a country (upper case or empty), the world's if it has none; NULL if there are no candidates at all. */
const struct deck *decks_for(const struct decks *decks, const char *country);

/* The SRV RRset of a set, built in `scratch`: priority 0, weight equal (1) or, by `weights`, the member's (1 to 65535; all of the
 * set scaled down if one is over), its port and name; two members of one target and port make one record. In canonical order as
 * every RRset: for the clients that take the first record only, whoever writes it out starts at a record of its own choice.
 * A NULL set gives the one record `0 0 0 .`, "decidedly not available" (RFC 2782), so that the name has its RRset, and the NSEC
 * chain its shape, also while nobody is eligible. */
void deck_srv(const struct deck_set *set, const struct roster *roster, bool weights, uint32_t ttl,
              uint8_t scratch[DECK_SRV_SCRATCH], struct rrset *out);

#endif
