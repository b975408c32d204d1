/* Repairs records that a clock that was ahead has left: without this the keys would wait until that
 * time comes. */
#include "dnssec/rollover/rollover.h"
#include "zone/base/u64.h"

enum {
    STATES = 3,                           /* record states of a key */
    TIMES_MAX = KEYSTORE_MAX * STATES * 2 /* most steps that the records have */
};

struct times {
    size_t count;
    uint64_t list[TIMES_MAX];
};

/* Adds a time after `floor` to the list, which is in ascending order and without duplicates. */
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

static void states_of(struct key_record *key, struct record_state *out[STATES])
{
    out[0] = &key->life.dnskey;
    out[1] = &key->life.zone;
    out[2] = &key->life.ds;
}

static void collect(struct times *out, struct key_set *keys, uint64_t floor)
{
    out->count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        struct record_state *states[STATES];
        states_of(&keys->list[i], states);
        for (size_t s = 0; s < STATES; s++) {
            add_time(out, states[s]->introduced_at, floor);
            add_time(out, states[s]->withdrawn_at, floor);
        }
    }
}

/* Moves one step (`at`) to just before now, in the order of all steps. If it was in the future, the
 * wait for caches that began with it (`until`) begins again and ends at `forgotten_at`. */
static void redate(uint64_t *at, uint64_t *until, const struct times *times, uint64_t now,
                   uint64_t forgotten_at)
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
    if (*until == old) {
        *until = *at; /* caches held nothing before it */
    } else if (old > now && *until != 0) {
        *until = forgotten_at;
    }
}

bool rollover_set_back(struct key_set *keys, struct rollover_memory *memory,
                       const struct rollover_timing *timing, uint64_t longest_s, uint64_t now)
{
    struct times times;
    bool wrong = memory->seen_at > now || rollover_last_step_at(keys) > now;
    if (!wrong) {
        return false;
    }
    memory->seen_at = u64_min(memory->seen_at, now);
    memory->dnskey_until = u64_min(memory->dnskey_until, now + longest_s);
    memory->zone_until = u64_min(memory->zone_until, now + longest_s);
    const uint64_t forgotten_at[STATES] = {
        now + timing->memory.dnskey_ttl_s + timing->propagation_s,
        now + ROLLOVER_RESIGN_S + timing->memory.zone_ttl_s + timing->propagation_s,
        now + timing->parent_s,
    };
    collect(&times, keys, now - TIMES_MAX);
    for (size_t i = 0; i < keys->count; i++) {
        struct record_state *states[STATES];
        states_of(&keys->list[i], states);
        for (size_t s = 0; s < STATES; s++) {
            redate(&states[s]->introduced_at, &states[s]->omnipresent_at, &times, now,
                   forgotten_at[s]);
            redate(&states[s]->withdrawn_at, &states[s]->hidden_at, &times, now, forgotten_at[s]);
        }
    }
    return true;
}
