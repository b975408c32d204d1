/* Drawing by weight without replacement, one member after the other, gives the same orders with the same probabilities as
 * sorting all members by exponential keys does (Efraimidis and Spirakis 2006), but needs no pass over the members: the weights
 * are laid end to end on a line, and a draw is a point on what the members drawn before it leave uncovered. */
#include "zone/deck.h"

#include <stdlib.h>

#include "zone/splitmix.h"

enum {
    LETTERS = 26,
    COUNTRIES = LETTERS * LETTERS
};

/* Where a range of the roster's candidates lies on the line. */
struct line {
    const uint64_t *start; /* of each candidate of the roster, one more at the end */
    size_t first, end;     /* candidates */
};

/* Number of a country in decks.index, -1 if the text is none. */
static int country_number(const char *country)
{
    if (country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' || country[1] > 'Z') {
        return -1;
    }
    return (country[0] - 'A') * LETTERS + (country[1] - 'A');
}

/* Uniform in [0, bound): the lowest 2^64 mod bound values would make the rest uneven, so they are drawn again. */
static uint64_t below(uint64_t bound, uint64_t *random)
{
    uint64_t uneven = (0 - bound) % bound;
    uint64_t value = splitmix(random);
    while (value < uneven) {
        value = splitmix(random);
    }
    return value % bound;
}

/* The candidate whose part of the line holds `point`. */
static size_t candidate_at(const struct line *line, uint64_t point)
{
    size_t low = line->first, high = line->end;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (line->start[middle] <= point) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static void deal_set(struct deck_set *set, const struct line *line, unsigned per_set,
                     uint64_t *random)
{
    uint32_t drawn[DECK_SET_MAX]; /* ascending */
    uint64_t left = line->start[line->end] - line->start[line->first];
    size_t candidates = line->end - line->first;
    set->count = (uint8_t)(candidates < per_set ? candidates : per_set);
    for (unsigned i = 0; i < set->count; i++) {
        uint64_t point = line->start[line->first] + below(left, random);
        unsigned at = 0;
        while (at < i && point >= line->start[drawn[at]]) {
            point += line->start[drawn[at] + 1] - line->start[drawn[at]];
            at++;
        }
        uint32_t member = (uint32_t)candidate_at(line, point);
        memmove(drawn + at + 1, drawn + at, (i - at) * sizeof drawn[0]);
        drawn[at] = member;
        set->members[i] = member;
        left -= line->start[member + 1] - line->start[member];
    }
}

/* Each deck has a stream of random numbers of its own. */
static void deal_deck(struct deck *deck, const struct line *line, unsigned per_set, uint64_t seed)
{
    uint64_t random = seed + (uint64_t)(country_number(deck->country) + 1);
    random = splitmix(&random);
    for (size_t i = 0; i < DECK_SETS; i++) {
        deal_set(&deck->sets[i], line, per_set, &random);
    }
}

static size_t end_of_country(const struct roster *roster, size_t first)
{
    size_t end = first + 1;
    while (end < roster->count &&
           strcmp(roster->list[end].country, roster->list[first].country) == 0) {
        end++;
    }
    return end;
}

void decks_deal(struct decks *out, const struct roster *roster, unsigned per_set, uint64_t seed)
{
    ASSERT(per_set >= 1 && per_set <= DECK_SET_MAX && roster->count < UINT32_MAX);
    *out = (struct decks){ .count = 0 };
    memset(out->index, -1, sizeof out->index);
    if (roster->count == 0) {
        return;
    }
    uint64_t *start = xcalloc(roster->count + 1, sizeof *start);
    size_t countries = 0;
    for (size_t i = 0; i < roster->count; i++) {
        const struct candidate *candidate = &roster->list[i];
        start[i + 1] = start[i] + (candidate->weight > 0 ? candidate->weight : 1);
        countries += i == 0 || strcmp(candidate->country, candidate[-1].country) != 0 ? 1U : 0U;
    }
    out->list = xcalloc(countries + 1, sizeof *out->list);
    struct line world = { .start = start, .first = 0, .end = roster->count };
    deal_deck(&out->list[out->count++], &world, per_set, seed);
    for (size_t first = 0; first < roster->count;) {
        struct line line = { .start = start, .first = first, .end = end_of_country(roster, first) };
        const char *country = roster->list[first].country;
        int number = country_number(country);
        first = line.end;
        if (number >= 0) {
            struct deck *deck = &out->list[out->count];
            memcpy(deck->country, country, sizeof deck->country);
            deal_deck(deck, &line, per_set, seed);
            out->index[number] = (int16_t)out->count++;
        }
    }
    free(start);
}

void decks_done(struct decks *decks)
{
    free(decks->list);
    *decks = (struct decks){ .count = 0 };
}

const struct deck *decks_for(const struct decks *decks, const char *country)
{
    if (decks->count == 0) {
        return NULL;
    }
    int number = country_number(country);
    int at = number < 0 ? -1 : decks->index[number];
    return &decks->list[at < 0 ? 0 : at];
}

/* What is published as the weight of a candidate. Only the proportions within a set matter (RFC 2782), so a set with a
 * weight that does not fit is scaled down. */
static uint16_t published_weight(uint32_t weight, uint32_t most)
{
    if (most > UINT16_MAX) {
        weight = (uint32_t)((uint64_t)weight * UINT16_MAX / most);
    }
    return (uint16_t)(weight > 0 ? weight : 1);
}

void deck_srv(const struct deck_set *set, const struct roster *roster, bool weights, uint32_t ttl,
              uint8_t scratch[DECK_SRV_SCRATCH], struct rrset *out)
{
    struct rrset_builder b;
    rrset_begin(&b, RR_SRV, ttl, scratch, DECK_SRV_SCRATCH);
    if (set == NULL || set->count == 0) {
        const uint8_t unavailable[7] = { 0 };
        rrset_add(&b, unavailable, sizeof unavailable);
        ASSERT(rrset_end(&b, out));
        return;
    }
    uint32_t most = 0;
    for (unsigned i = 0; i < set->count; i++) {
        uint32_t weight = roster->list[set->members[i]].weight;
        most = weight > most ? weight : most;
    }
    for (unsigned i = 0; i < set->count; i++) {
        const struct candidate *candidate = &roster->list[set->members[i]];
        const uint8_t *target = roster->names + candidate->target;
        uint8_t rdata[6 + DNAME_MAX];
        wire_put_u16(rdata, 0);
        wire_put_u16(rdata + 2, weights ? published_weight(candidate->weight, most) : 1);
        wire_put_u16(rdata + 4, candidate->port);
        memcpy(rdata + 6, target + 1, target[0]);
        rrset_add(&b, rdata, 6 + (size_t)target[0]);
    }
    ASSERT(rrset_end(&b, out));
}
