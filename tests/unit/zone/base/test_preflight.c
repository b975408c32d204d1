#include "tests/unit/unit.h"
#include "zone/base/preflight.h"

static char last[LOG_LINE_MAX];
static int last_priority;

static void keep(int priority, const struct log_fields *, const char *text)
{
    last_priority = priority;
    (void)snprintf(last, sizeof(last), "%s", text);
}

static void warning_lets_a_check_pass(void **)
{
    struct preflight preflight = { .log = keep };
    preflight_warning(&preflight, "no history");
    assert_string_equal(last, "warning: no history");
    assert_int_equal(last_priority, LOG_WARNING);
    assert_true(preflight_done(&preflight));
    assert_string_equal(last, "checked: problems 0, warnings 1");
    assert_int_equal(last_priority, LOG_INFO);
}

static void problem_fails_a_check(void **)
{
    struct preflight preflight = { .log = keep };
    const struct diag diag = { "no registry" };
    preflight_judge(&preflight, RESULT_OK, &diag);
    assert_int_equal(preflight.problems, 0);
    preflight_judge(&preflight, RESULT_MISSING, &diag);
    assert_string_equal(last, "no registry");
    preflight_problem(&preflight, "no seal");
    assert_int_equal(last_priority, LOG_ERR);
    assert_false(preflight_done(&preflight));
    assert_string_equal(last, "checked: problems 2, warnings 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warning_lets_a_check_pass),
        cmocka_unit_test(problem_fails_a_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
