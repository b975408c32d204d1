/* Decks: for each country, and for the world, SRV sets drawn ahead of the queries. A deck is immutable once dealt.
 *
 * Each set is drawn by weight without replacement (exponential keys, Efraimidis and Spirakis 2006) from the country's eligible
 * members; a client in a country without any gets the world's. The steering issue replaces the draw, not the shape. */
#ifndef ZONE_DECK_H
#define ZONE_DECK_H

#include "zone/lifecycle.h"

enum {
    DECK_SETS = 64,
    DECK_SET_MAX = 8
};

/* One who may be drawn. */
struct candidate {
    uint64_t member_id;
    uint32_t weight;
    uint16_t port;
    char country[3];
    uint32_t target; /* offset of [u8 len][wire name] in the candidates' name pool, see deck_deal */
};

struct deck_set {
    uint8_t count;
    uint32_t members[DECK_SET_MAX]; /* indices of candidates, in order of the draw */
};

struct deck {
    char country[3]; /* empty: the world */
    uint32_t candidate_count;
    struct deck_set sets[DECK_SETS];
};

struct decks {
    size_t count; /* in order of country, the world first; 0 without candidates */
    struct deck *list;
    int16_t index[26 * 26]; /* country to list, -1: none */
};

/* Random bits come from the caller. */
typedef uint64_t random_u64(void *arg);

/* Deals for all countries that occur among the candidates. `per_set` is settings.srv_count. */
enum result decks_deal(struct decks *out, const struct candidate *candidates, size_t count,
                       unsigned per_set, random_u64 *random, void *arg);
void decks_done(struct decks *decks);
/* The deck for a country, the world's if it has none; NULL if there are no candidates at all. */
const struct deck *decks_for(const struct decks *decks, const char *country);

#endif
