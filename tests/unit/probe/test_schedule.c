#include "probe/limits.h"
#include "probe/schedule.h"
#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"

enum {
    MINUTE_MS = 60000,
    HOUR_S = 3600,
    DAY_S = 86400
};

static void next_probe_is_a_pause_away_or_up_to_a_fifth_more(void **)
{
    assert_int_equal(schedule_next(1000, 60000, 0), 1000 + 60000);
    assert_int_equal(schedule_next(1000, 60000, UINT32_MAX), 1000 + 71999);
    assert_int_equal(schedule_next(1000, 60000, 1U << 31), 1000 + 66000);
}

static void daily_key_establishments_are_minutes_apart(void **)
{
    assert_int_equal(schedule_ke_gap_s(1000), 3);
    assert_int_equal(schedule_ke_gap_s(64000), SCHEDULE_GAP_MAX_S);
    assert_int_equal(schedule_ke_gap_s(86400000), SCHEDULE_GAP_MAX_S);
}

static void backoff_multiplies_the_interval(void **)
{
    assert_int_equal(schedule_pause_ms(MINUTE_MS, 1, 0), MINUTE_MS);
    assert_int_equal(schedule_pause_ms(MINUTE_MS, 16, 0), 16 * MINUTE_MS);
}

static void dead_addresses_are_probed_less_and_less_often(void **)
{
    assert_int_equal(schedule_pause_ms(MINUTE_MS, 1, 600), MINUTE_MS);
    assert_int_equal(schedule_pause_ms(MINUTE_MS, 1, HOUR_S), 150 * 1000);
    assert_int_equal(schedule_pause_ms(MINUTE_MS, 1, DAY_S), HOUR_S * 1000);
    uint64_t last = 0;
    for (uint64_t dead_s = 0; dead_s < UINT64_C(100) * DAY_S; dead_s += 1000) {
        uint64_t pause = schedule_pause_ms(MINUTE_MS, 1, dead_s);
        assert_true(pause >= last);
        last = pause;
    }
}

static void no_pause_exceeds_a_day(void **)
{
    const uint64_t day_ms = UINT64_C(1000) * DAY_S;
    uint64_t pause = schedule_pause_ms(MINUTE_MS, 1, UINT64_MAX / 2);
    assert_true(pause == day_ms);
    assert_true(schedule_next(5, pause, UINT32_MAX) == 5 + day_ms);
    assert_true(schedule_pause_ms(86400000, 16, 0) == day_ms);
}

static void first_probe_is_at_once_if_new_and_spread_if_known(void **)
{
    assert_int_equal(schedule_first(1000, 60000, 0, UINT32_MAX), 1000);
    assert_int_equal(schedule_first(1000, 60000, 1, 0), 1000);
    assert_int_equal(schedule_first(1000, 60000, 1, 1U << 31), 31000);
    assert_int_equal(schedule_first(1000, 60000, 1, UINT32_MAX), 60999);
}

/* Members that were all added in one second are spread over the minute after a while. */
static void probes_drift_apart(void **)
{
    enum {
        MEMBERS = 6000,
        ROUNDS = 300
    };
    unsigned seconds[60] = { 0 };
    uint64_t seed = 1;
    for (unsigned i = 0; i < MEMBERS; i++) {
        uint64_t at_ms = 0;
        for (unsigned round = 0; round < ROUNDS; round++) {
            at_ms = schedule_next(at_ms, MINUTE_MS, (uint32_t)splitmix(&seed));
        }
        seconds[at_ms / 1000 % 60]++;
    }
    for (unsigned i = 0; i < 60; i++) {
        assert_in_range(seconds[i], MEMBERS / 60 / 2, MEMBERS / 60 * 3 / 2);
    }
}

static void keys_made_together_do_not_end_together(void **)
{
    assert_int_equal(schedule_ke_life_s(0), LIMIT_KE_LIFE_S * 3 / 4);
    assert_int_equal(schedule_ke_life_s(UINT32_MAX), LIMIT_KE_LIFE_S - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_probe_is_a_pause_away_or_up_to_a_fifth_more),
        cmocka_unit_test(daily_key_establishments_are_minutes_apart),
        cmocka_unit_test(backoff_multiplies_the_interval),
        cmocka_unit_test(dead_addresses_are_probed_less_and_less_often),
        cmocka_unit_test(no_pause_exceeds_a_day),
        cmocka_unit_test(first_probe_is_at_once_if_new_and_spread_if_known),
        cmocka_unit_test(probes_drift_apart),
        cmocka_unit_test(keys_made_together_do_not_end_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
