#include <ctype.h>

#include "tests/unit/unit.h"
#include "zone/verdicts/failure.h"

static void ids_are_lower_case_words_and_differ(void **)
{
    for (unsigned i = 0; i < FAILURE_COUNT; i++) {
        const char *id = failure_id((enum failure)i);
        assert_true(id[0] != '\0');
        for (const char *c = id; *c != '\0'; c++) {
            assert_true(islower((unsigned char)*c) || *c == '-');
        }
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(id, failure_id((enum failure)k));
        }
    }
}

static void every_class_has_advice_that_is_a_sentence(void **)
{
    for (unsigned i = 0; i < FAILURE_COUNT; i++) {
        const char *advice = failure_advice((enum failure)i);
        assert_true(isupper((unsigned char)advice[0]));
        assert_int_equal(advice[strlen(advice) - 1], '.');
        assert_non_null(failure_source((enum failure)i));
    }
}

/* Existing stores hold these numbers. */
static void numbers_never_change(void **)
{
    assert_int_equal(FAILURE_NONE, 0);
    assert_int_equal(FAILURE_CERT_CHAIN, 10);
    assert_int_equal(FAILURE_NTP_SILENT, 26);
    assert_int_equal(FAILURE_OFFSET, 41);
    assert_int_equal(FAILURE_INTERNAL, 42);
    assert_string_equal(failure_id(FAILURE_OFFSET), "offset");
}

static void number_out_of_range_is_internal(void **)
{
    assert_string_equal(failure_id((enum failure)FAILURE_COUNT), "internal");
    assert_string_equal(failure_id((enum failure)1000000), "internal");
    assert_string_equal(failure_advice((enum failure)FAILURE_COUNT),
                        failure_advice(FAILURE_INTERNAL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_lower_case_words_and_differ),
        cmocka_unit_test(every_class_has_advice_that_is_a_sentence),
        cmocka_unit_test(numbers_never_change),
        cmocka_unit_test(number_out_of_range_is_internal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
