/* Ten days of a pool in seconds: schedule, verdicts, breaker and the layout of rows as the probe
 * uses them, with lost packets, restarts, a member that dies, and an outage on our side. No good
 * member may ever be taken out. */
#include "probe/breaker.h"
#include "probe/schedule.h"
#include "probe/verdict.h"
#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"

enum {
    MEMBERS = 40,
    ADDRESSES = 2,
    MINUTE_S = 60,
    STEP_S = 5,
    TRIES = 3,
    DYING = 7,
    DEAD = 8
};

static const uint64_t begin = 2000000000, minute_s = MINUTE_S, hour_s = 3600, day_s = 86400;

struct pool {
    struct settings settings;
    struct vantage vantage;
    struct breaker_state breaker_state;
    struct member_health members[MEMBERS];
    uint64_t due[MEMBERS][ADDRESSES]; /* milliseconds since `begin` */
    uint64_t seed;
    uint64_t now; /* seconds since `begin` */
    unsigned long probes, failures;
    uint64_t dead_probed_at, dead_pause;
};

static void set_up(struct pool *pool)
{
    *pool = (struct pool){ .vantage = { .name = "here", .interval_s = MINUTE_S }, .seed = 42 };
    settings_defaults(&pool->settings);
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct address addresses[ADDRESSES];
        char text[64];
        (void)snprintf(text, sizeof(text), "192.0.2.%u", i + 1);
        assert_ok(address_parse(&addresses[0], text));
        (void)snprintf(text, sizeof(text), "2001:db8::%x", i + 1);
        assert_ok(address_parse(&addresses[1], text));
        pool->members[i].member_id = i + 1;
        assert_true(verdict_addresses(&pool->members[i], addresses, ADDRESSES));
    }
}

static uint32_t random_of(struct pool *pool)
{
    return (uint32_t)splitmix(&pool->seed);
}

static bool within(const struct pool *pool, uint64_t from, uint64_t to)
{
    return pool->now >= from && pool->now < to;
}

/* One packet in twenty is lost in each direction, and a probe tries three times. */
static bool is_lost(struct pool *pool)
{
    for (unsigned i = 0; i < TRIES; i++) {
        bool there = random_of(pool) % 20 != 0;
        bool back = random_of(pool) % 20 != 0;
        if (there && back) {
            return false;
        }
    }
    return true;
}

static struct outcome outcome_of(struct pool *pool, unsigned member)
{
    struct outcome outcome = { .failure = FAILURE_NTP_SILENT };
    bool cut = within(pool, 5 * day_s, 5 * day_s + 2 * hour_s);
    bool clock_off = within(pool, 6 * day_s, 6 * day_s + 600);
    bool down = member == DEAD || (member == DYING && within(pool, 3 * day_s, 4 * day_s));
    if (cut || down || is_lost(pool)) {
        return outcome;
    }
    outcome.certified = true;
    outcome.timed = true;
    outcome.sample = (struct ntp_sample){ .stratum = 2, .offset_us = 300, .rtt_us = 20000 };
    outcome.failure = FAILURE_NONE;
    if (clock_off) {
        outcome.failure = FAILURE_OFFSET;
        outcome.sample.offset_us = 7000000;
    }
    return outcome;
}

static void probe(struct pool *pool, unsigned member, unsigned index)
{
    struct member_health *health = &pool->members[member];
    struct address_health *row = &health->addresses[index];
    const struct outcome outcome = outcome_of(pool, member);
    const struct judgement judgement = { &pool->settings, &pool->breaker_state, true,
                                         begin + pool->now };
    verdict_apply(health, index, &outcome, &judgement);
    pool->probes++;
    pool->failures += outcome.failure != FAILURE_NONE;
    bool dead = row->failures > 0 && !pool->breaker_state.members_frozen;
    uint64_t since = row->last_good_at > begin ? row->last_good_at : begin;
    uint64_t pause_ms =
        schedule_pause_ms(MINUTE_S * 1000, 1, dead ? row->last_probe_at - since : 0);
    pool->due[member][index] = schedule_next(pool->now * 1000, pause_ms, random_of(pool));
    if (member == DEAD && index == 0) {
        uint64_t pause = pool->now - pool->dead_probed_at;
        pool->dead_pause = pause > pool->dead_pause ? pause : pool->dead_pause;
        pool->dead_probed_at = pool->now;
    }
}

static void count_failing(struct pool *pool)
{
    struct breaker breaker = { 0 };
    for (unsigned i = 0; i < MEMBERS; i++) {
        breaker_add(&breaker, &pool->members[i]);
    }
    breaker_judge(&breaker, &pool->settings, begin + pool->now, &pool->vantage,
                  &pool->breaker_state);
    for (unsigned i = 0; i < MEMBERS; i++) {
        if (pool->members[i].stage == STAGE_FALLING) {
            lifecycle_advance(&pool->members[i], &pool->settings, &pool->breaker_state,
                              begin + pool->now);
        }
    }
}

/* A new process knows the rows only. */
static void restart(struct pool *pool)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        uint8_t data[HEALTH_ENCODED_MAX];
        struct writer w = writer_of(data, sizeof(data));
        health_encode(&w, &pool->members[i]);
        assert_false(w.failed);
        assert_ok(health_decode(&pool->members[i], data, w.at));
        for (unsigned k = 0; k < ADDRESSES; k++) {
            uint32_t probes = pool->members[i].addresses[k].probes;
            pool->due[i][k] =
                schedule_first(pool->now * 1000, MINUTE_S * 1000, probes, random_of(pool));
        }
    }
    pool->breaker_state = (struct breaker_state){ .hold_s = 0 };
    count_failing(pool);
}

static void step(struct pool *pool)
{
    if (pool->now % (7 * hour_s) == 0 && pool->now > 0) {
        restart(pool);
    }
    for (unsigned i = 0; i < MEMBERS; i++) {
        for (unsigned k = 0; k < ADDRESSES; k++) {
            if (pool->due[i][k] <= pool->now * 1000) {
                probe(pool, i, k);
            }
        }
    }
    count_failing(pool);
    pool->now += STEP_S;
}

static enum stage stage_of(const struct pool *pool, unsigned member)
{
    return pool->members[member].stage;
}

/* The first good member that is out; -1: none. */
static int good_member_out(const struct pool *pool)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        enum stage stage = stage_of(pool, i);
        bool in = stage == STAGE_ELIGIBLE || stage == STAGE_FALLING;
        if (!in && i != DYING && i != DEAD) {
            return (int)i;
        }
    }
    return -1;
}

/* From the third hour on, every good member is in, whatever happens on our side. */
static void run_until(struct pool *pool, uint64_t end)
{
    while (pool->now < end) {
        step(pool);
        if (pool->now > 3 * hour_s) {
            assert_int_equal(good_member_out(pool), -1);
        }
    }
}

static void good_members_stay_and_bad_ones_go(void **)
{
    static struct pool pool;
    set_up(&pool);
    run_until(&pool, 3 * hour_s);
    assert_int_equal(stage_of(&pool, DYING), STAGE_ELIGIBLE);
    run_until(&pool, 3 * day_s);
    assert_int_equal(stage_of(&pool, DYING), STAGE_ELIGIBLE);
    run_until(&pool, 3 * day_s + 10 * minute_s);
    assert_int_equal(stage_of(&pool, DYING), STAGE_INELIGIBLE);
    run_until(&pool,
              /* it was dead for a day: its next probe within an hour, another hour for its score */
              4 * day_s + 3 * hour_s);
    assert_int_equal(stage_of(&pool, DYING), STAGE_ELIGIBLE);
    run_until(&pool, 5 * day_s + 5 * minute_s);
    assert_true(pool.breaker_state.members_frozen);
    run_until(&pool, 5 * day_s + 2 * hour_s + 15 * minute_s);
    assert_false(pool.breaker_state.members_frozen);
    for (unsigned i = 0; i < MEMBERS; i++) {
        assert_int_equal(stage_of(&pool, i), i == DEAD ? STAGE_REGISTERED : STAGE_ELIGIBLE);
    }
    run_until(&pool, 6 * day_s + hour_s);
    for (unsigned i = 0; i < MEMBERS; i++) {
        assert_int_equal(stage_of(&pool, i), i == DEAD ? STAGE_REGISTERED : STAGE_ELIGIBLE);
    }
    run_until(&pool, 10 * day_s);
    assert_true(pool.failures > 500);
    assert_in_range(pool.dead_pause, hour_s, day_s);
    assert_true(pool.now - pool.dead_probed_at <= day_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_members_stay_and_bad_ones_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
