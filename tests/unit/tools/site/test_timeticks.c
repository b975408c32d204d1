#include "tests/unit/unit.h"
#include "tools/site/timeticks.h"

enum {
    HOUR_S = 3600,
    DAY_S = 86400
};

static const uint64_t midnight = 1796083200; /* 2026-12-01T00:00:00Z */

static void a_span_of_any_length_has_few_ticks(void **)
{
    for (uint64_t span = HOUR_S; span < (uint64_t)800 * DAY_S; span += span / 7) {
        uint64_t step = timeticks_step(span, 8);
        unsigned count = 0;
        for (uint64_t at = timeticks_next(midnight, step); at < midnight + span;
             at = timeticks_next(at, step)) {
            count++;
        }
        assert_in_range(count, 2, 13);
    }
}

static void ticks_of_two_days_are_six_hours_apart(void **)
{
    char text[TIMETICKS_ROOM];
    uint64_t step = timeticks_step((uint64_t)2 * DAY_S, 8);
    assert_int_equal(step, 6 * HOUR_S);
    assert_int_equal(timeticks_next(midnight - 1, step), midnight);
    assert_int_equal(timeticks_next(midnight, step), midnight + (uint64_t)6 * HOUR_S);
    assert_string_equal(timeticks_text(text, midnight, step), "01 Dec");
    assert_string_equal(timeticks_text(text, midnight + (uint64_t)6 * HOUR_S, step), "06:00");
}

static void ticks_of_a_year_are_first_days_of_months(void **)
{
    char text[TIMETICKS_ROOM];
    uint64_t step = timeticks_step((uint64_t)366 * DAY_S, 8);
    uint64_t next = timeticks_next(midnight + 5, step);
    assert_string_equal(timeticks_text(text, next, step), "Feb 2027");
    assert_int_equal(next % DAY_S, 0);
    assert_string_equal(timeticks_text(text, timeticks_next(next, step), step), "Apr");
}

static void ticks_end_where_the_calendar_does(void **)
{
    char text[TIMETICKS_ROOM];
    assert_int_equal(timeticks_next(UINT64_MAX - 5, DAY_S), UINT64_MAX);
    assert_int_equal(timeticks_next(UINT64_MAX - 5, TIMETICKS_MONTH_S), UINT64_MAX);
    assert_int_equal(timeticks_next(INT64_MAX, TIMETICKS_MONTH_S), UINT64_MAX);
    assert_string_equal(timeticks_text(text, UINT64_MAX, DAY_S), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_of_any_length_has_few_ticks),
        cmocka_unit_test(ticks_of_two_days_are_six_hours_apart),
        cmocka_unit_test(ticks_of_a_year_are_first_days_of_months),
        cmocka_unit_test(ticks_end_where_the_calendar_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
