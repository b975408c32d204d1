#include "probe/schedule.h"
#include "tests/unit/unit.h"

static void next_probe_is_an_interval_away_give_or_take_a_tenth(void **state)
{
    (void)state;
    assert_int_equal(schedule_next(1000, 60000, 1, 0), 1000 + 54000);
    assert_int_equal(schedule_next(1000, 60000, 1, UINT32_MAX), 1000 + 65999);
    assert_int_equal(schedule_next(1000, 60000, 1, 1U << 31), 1000 + 60000);
}

static void backoff_multiplies_the_interval(void **state)
{
    (void)state;
    assert_int_equal(schedule_next(0, 86400000, 16, UINT32_MAX), 86400000ULL * 16 * 11 / 10 - 1);
}

static void first_probe_is_at_once_for_the_unknown_and_spread_for_the_known(void **state)
{
    (void)state;
    assert_int_equal(schedule_first(1000, 60000, 0, UINT32_MAX), 1000);
    assert_int_equal(schedule_first(1000, 60000, 1, 0), 1000);
    assert_int_equal(schedule_first(1000, 60000, 1, 1U << 31), 31000);
    assert_int_equal(schedule_first(1000, 60000, 1, UINT32_MAX), 60999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_probe_is_an_interval_away_give_or_take_a_tenth),
        cmocka_unit_test(backoff_multiplies_the_interval),
        cmocka_unit_test(first_probe_is_at_once_for_the_unknown_and_spread_for_the_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
