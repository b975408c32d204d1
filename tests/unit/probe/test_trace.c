#include "probe/trace.h"
#include "tests/unit/unit.h"

static void steps_have_an_end_and_a_duration(void **)
{
    struct trace trace;
    trace_start(&trace, 5000);
    trace_add(&trace, 15000, "one", "%d", 1);
    trace_add(&trace, 18000, "two", "two");
    assert_int_equal(trace.count, 2);
    assert_int_equal(trace.steps[0].at_us, 10);
    assert_int_equal(trace.steps[0].took_us, 10);
    assert_string_equal(trace.steps[0].text, "1");
    assert_int_equal(trace.steps[1].at_us, 13);
    assert_int_equal(trace.steps[1].took_us, 3);
}

static void further_steps_are_dropped_and_long_texts_cut(void **)
{
    struct trace trace;
    char text[TRACE_TEXT_ROOM * 2];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    trace_start(&trace, 0);
    for (unsigned i = 0; i < TRACE_STEPS_MAX + 3; i++) {
        trace_add(&trace, i, "step", "%s", text);
    }
    assert_int_equal(trace.count, TRACE_STEPS_MAX);
    assert_int_equal(strlen(trace.steps[0].text), TRACE_TEXT_ROOM - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_have_an_end_and_a_duration),
        cmocka_unit_test(further_steps_are_dropped_and_long_texts_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
