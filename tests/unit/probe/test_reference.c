#include "probe/reference.h"
#include "tests/unit/unit.h"

static enum vantage_state judged(int64_t a, int64_t b, int64_t c)
{
    int64_t offsets_us[] = { a, b, c };
    return reference_judge(offsets_us, 3);
}

static void no_answer_means_that_our_network_is_off(void **)
{
    assert_int_equal(reference_judge(NULL, 0), VANTAGE_NETWORK_OFF);
}

static void median_decides_on_the_clock(void **)
{
    assert_int_equal(judged(0, 10, -10), VANTAGE_WELL);
    assert_int_equal(judged(-9000000, 0, 9000000), VANTAGE_WELL);
    assert_int_equal(judged(9000000, 0, 9000000), VANTAGE_CLOCK_OFF);
    assert_int_equal(judged(-9000000, -100001, 0), VANTAGE_CLOCK_OFF);
    assert_int_equal(judged(100001, 100000, 100000), VANTAGE_WELL);
}

static void family_is_silent_if_none_answers_and_one_did_before(void **)
{
    static const struct {
        struct reference_answer answers[2];
        bool heard, silent;
    } rows[] = {
        { { { false, false }, { false, false } }, false, false },
        { { { true, true }, { false, false } }, true, false },
        { { { false, true }, { true, true } }, true, false },
        { { { false, true }, { false, false } }, false, true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reference_family family;
        reference_judge_family(&family, rows[i].answers, 2);
        assert_int_equal(family.heard, rows[i].heard);
        assert_int_equal(family.silent, rows[i].silent);
    }
}

static void clock_is_off_only_if_it_was_synchronised_before(void **)
{
    bool was_synchronised = false;
    assert_int_equal(reference_by_kernel(true, &was_synchronised), VANTAGE_WELL);
    assert_int_equal(reference_by_kernel(false, &was_synchronised), VANTAGE_WELL);
    assert_int_equal(reference_by_kernel(true, &was_synchronised), VANTAGE_CLOCK_OFF);
    assert_int_equal(reference_by_kernel(true, &was_synchronised), VANTAGE_CLOCK_OFF);
    assert_int_equal(reference_by_kernel(false, &was_synchronised), VANTAGE_WELL);
}

static enum result result_of(const char *host)
{
    struct references *references = NULL;
    struct diag diag;
    enum result result = references_new(&references, &host, 1, &diag);
    references_free(references);
    return result;
}

static void references_are_parsed(void **)
{
    assert_ok(result_of("ntp1.example.net"));
    assert_ok(result_of("nts:ntp1.example.net"));
    assert_ok(result_of("192.0.2.1@1123"));
    assert_ok(result_of("nts:2001:db8::1@4460"));
    const char *const bad[] = { "",       "nts:",       "@123",    "host@",
                                "host@0", "host@65536", "host@-1", "host@1x" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(result_of(bad[i]), RESULT_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_answer_means_that_our_network_is_off),
        cmocka_unit_test(median_decides_on_the_clock),
        cmocka_unit_test(family_is_silent_if_none_answers_and_one_did_before),
        cmocka_unit_test(clock_is_off_only_if_it_was_synchronised_before),
        cmocka_unit_test(references_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
