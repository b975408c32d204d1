/* Records of a time that was wrong: the server ran with a clock that was ahead, and the keys would
 * wait until it has come. */
#include "dnssec/rollover/rollover.h"

enum {
    FACETS = 3,
    TIMES_MAX = KEYSTORE_MAX * FACETS * 2 /* steps that the records know */
};

struct times {
    size_t count;
    uint64_t list[TIMES_MAX];
};

/* Keeps the list in order, and each time once; only those after `floor`. */
static void add_time(struct times *times, uint64_t at, uint64_t floor)
{
    size_t i = times->count;
    if (at <= floor) {
        return;
    }
    while (i > 0 && times->list[i - 1] > at) {
        i--;
    }
    if (i > 0 && times->list[i - 1] == at) {
        return;
    }
    memmove(times->list + i + 1, times->list + i, (times->count - i) * sizeof(times->list[0]));
    times->list[i] = at;
    times->count++;
}

static void facets_of(struct key_record *key, struct record_state *out[FACETS])
{
    out[0] = &key->life.dnskey;
    out[1] = &key->life.zone;
    out[2] = &key->life.ds;
}

static void collect(struct times *out, struct key_set *keys, uint64_t floor)
{
    out->count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        struct record_state *facets[FACETS];
        facets_of(&keys->list[i], facets);
        for (size_t f = 0; f < FACETS; f++) {
            add_time(out, facets[f]->introduced_at, floor);
            add_time(out, facets[f]->withdrawn_at, floor);
        }
    }
}

/* One change of a facet: in the order of all, and, if it is of the wrong time, as if it had been
 * just now. */
static void pull(uint64_t *at, uint64_t *clear, const struct times *times, uint64_t now,
                 uint64_t clear_at)
{
    const uint64_t floor = now - TIMES_MAX, old = *at;
    if (old <= floor) {
        return;
    }
    size_t rank = 0;
    while (times->list[rank] < old) {
        rank++;
    }
    *at = floor + 1 + rank;
    if (*clear == old) {
        *clear = *at; /* there was nothing before it */
    } else if (old > now && *clear != 0) {
        *clear = clear_at;
    }
}

static uint64_t at_most(uint64_t at, uint64_t most)
{
    return at < most ? at : most;
}

bool rollover_set_back(struct key_set *keys, struct rollover_memory *memory,
                       const struct rollover_timing *timing, uint64_t longest_s, uint64_t now)
{
    struct times times;
    bool wrong = memory->seen_at > now || rollover_last_step_at(keys) > now;
    if (!wrong) {
        return false;
    }
    memory->seen_at = at_most(memory->seen_at, now);
    memory->dnskey_until = at_most(memory->dnskey_until, now + longest_s);
    memory->zone_until = at_most(memory->zone_until, now + longest_s);
    const uint64_t clear_at[FACETS] = {
        now + timing->memory.dnskey_ttl_s + timing->propagation_s,
        now + timing->memory.zone_ttl_s + timing->propagation_s,
        now + timing->parent_s,
    };
    collect(&times, keys, now - TIMES_MAX);
    for (size_t i = 0; i < keys->count; i++) {
        struct record_state *facets[FACETS];
        facets_of(&keys->list[i], facets);
        for (size_t f = 0; f < FACETS; f++) {
            pull(&facets[f]->introduced_at, &facets[f]->omnipresent_at, &times, now, clear_at[f]);
            pull(&facets[f]->withdrawn_at, &facets[f]->hidden_at, &times, now, clear_at[f]);
        }
    }
    return true;
}
