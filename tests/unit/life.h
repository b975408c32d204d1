/* Keys without a store, for tests of rollovers. Key tags count up and are never reused. */
#ifndef TESTS_UNIT_LIFE_H
#define TESTS_UNIT_LIFE_H

#include "dnssec/rollover/rollover.h"
#include "tests/unit/unit.h"

#define HOUR UINT64_C(3600)
#define DAY  (24 * HOUR)

enum {
    START = 1800000000,
    LIFE_TAGS = 4096
};

struct life {
    struct key_set keys;
    struct rollover_timing timing;
    uint64_t now;
    uint16_t next_tag;
    enum algorithm algorithms[LIFE_TAGS];
};

static inline void life_begin(struct life *l)
{
    *l = (struct life){ .now = START,
                        .timing = { .memory = { .dnskey_ttl_s = HOUR, .zone_ttl_s = 300 },
                                    .propagation_s = HOUR,
                                    .parent_s = DAY + HOUR } };
}

static inline void life_bury(struct life *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->keys.count; i++) {
        if (!rollover_is_dead(&l->keys.list[i], l->now)) {
            l->keys.list[kept++] = l->keys.list[i];
        }
    }
    l->keys.count = kept;
}

static inline void life_add(struct life *l, enum algorithm algorithm, enum key_role role,
                            struct key_life life)
{
    assert_true(l->next_tag < LIFE_TAGS && l->keys.count < KEYSTORE_MAX);
    l->algorithms[l->next_tag] = algorithm;
    l->keys.list[l->keys.count++] = (struct key_record){ .algorithm = algorithm,
                                                         .role = role,
                                                         .tag = l->next_tag++,
                                                         .created_at = l->now,
                                                         .life = life };
}

/* Begins a rollover to new keys of these roles. The present keys of these roles retire. */
static inline void life_roll(struct life *l, enum algorithm algorithm, const enum key_role *roles,
                             size_t count)
{
    unsigned mask = 0;
    for (size_t i = 0; i < count; i++) {
        mask |= (unsigned)roles[i];
    }
    if (l->keys.count + count > KEYSTORE_MAX) {
        return;
    }
    for (size_t i = 0; i < l->keys.count; i++) {
        struct key_record *key = &l->keys.list[i];
        key->life.wanted = key->life.wanted && ((unsigned)key->role & mask) == 0;
    }
    for (size_t i = 0; i < count; i++) {
        life_add(l, algorithm, roles[i], (struct key_life){ .wanted = true });
    }
}

/* Lets `days` pass. With `parent`, the parent publishes each DS within an hour. */
static inline void life_pass(struct life *l, unsigned days, bool parent)
{
    for (unsigned h = 0; h < days * 24; h++) {
        l->now += HOUR;
        if (parent && rollover_awaits_parent(&l->keys)) {
            (void)rollover_ds_seen(&l->keys, &l->timing, l->now);
        }
        (void)rollover_advance(&l->keys, &l->timing, l->now);
        life_bury(l);
    }
}

#endif
