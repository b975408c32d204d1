#include "probe/score.h"
#include "tests/unit/unit.h"

static int32_t step_of(uint64_t error_us)
{
    return score_step_of(FAILURE_NONE, error_us, 2, false).step_milli;
}

static void steps_fall_with_the_offset_as_the_table_says(void **)
{
    const struct {
        uint64_t error_us;
        int32_t step_milli;
    } rows[] = { { 0, 1000 },        { 25000, 1000 },      { 62500, 750 },    { 100000, 500 },
                 { 425000, -250 },   { 750000, -1000 },    { 750001, -2000 }, { 3000000, -2000 },
                 { 3000001, -4000 }, { UINT64_MAX, -4000 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(step_of(rows[i].error_us), rows[i].step_milli);
    }
    for (uint64_t us = 0; us < 4000000; us += 997) {
        assert_true(step_of(us + 997) <= step_of(us));
    }
}

static void two_silent_probes_take_20_under_10(void **)
{
    const struct score_step silent = score_step_of(FAILURE_NTP_SILENT, 0, 0, false);
    int32_t score = score_next(20000, silent);
    assert_int_equal(score, 14000);
    score = score_next(score, silent);
    assert_true(score < 10000 && score > 8000);
}

static void fourteen_good_probes_take_0_to_10(void **)
{
    const struct score_step good = score_step_of(FAILURE_NONE, 100, 2, false);
    int32_t score = 0;
    for (unsigned i = 0; i < 13; i++) {
        score = score_next(score, good);
    }
    assert_true(score < 10000);
    assert_true(score_next(score, good) >= 10000);
}

static void score_stays_between_minus_100_and_20(void **)
{
    const struct score_step good = score_step_of(FAILURE_NONE, 0, 1, false);
    const struct score_step bad = score_step_of(FAILURE_NTP_AUTH, 0, 1, false);
    int32_t score = 0;
    for (unsigned i = 0; i < 1000; i++) {
        score = score_next(score, good);
        assert_true(score <= SCORE_MAX_MILLI);
    }
    assert_true(score > 19900);
    for (unsigned i = 0; i < 1000; i++) {
        score = score_next(score, bad);
        assert_true(score >= SCORE_MIN_MILLI);
    }
    assert_int_equal(score, SCORE_MIN_MILLI);
}

static void grave_failures_cap_the_score_at_once(void **)
{
    const enum failure grave[] = { FAILURE_NTP_AUTH, FAILURE_NTP_UID, FAILURE_NTP_ORIGIN,
                                   FAILURE_NTP_DENY };
    for (size_t i = 0; i < sizeof(grave) / sizeof(grave[0]); i++) {
        assert_int_equal(score_next(20000, score_step_of(grave[i], 0, 1, false)), -50000);
    }
    assert_int_equal(score_next(20000, score_step_of(FAILURE_OFFSET, 7000000, 1, false)), -20000);
}

static void failures_have_their_own_steps(void **)
{
    const struct {
        enum failure failure;
        int32_t step_milli;
    } rows[] = {
        { FAILURE_CONNECT_REFUSED, -5000 }, { FAILURE_CERT_NAME, -5000 },
        { FAILURE_KE_COOKIES, -5000 },      { FAILURE_NTP_NAK, -5000 },
        { FAILURE_NTP_RATE, -3500 },        { FAILURE_UNSYNCHRONISED, -4000 },
        { FAILURE_STRATUM, -4000 },         { FAILURE_ROOT_DISTANCE, -4000 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(score_step_of(rows[i].failure, 0, 1, false).step_milli,
                         rows[i].step_milli);
    }
}

/* Time with a warning keeps the score under 10. All other time lets it get there. */
static void warnings_go_with_a_low_score(void **)
{
    for (uint64_t error_us = 0; error_us < 750000; error_us += 5000) {
        for (uint8_t stratum = 1; stratum <= 15; stratum++) {
            int32_t score_milli = SCORE_MAX_MILLI;
            for (unsigned i = 0; i < 300; i++) {
                score_milli =
                    score_next(score_milli, score_step_of(FAILURE_NONE, error_us, stratum, false));
            }
            assert_int_equal(score_warnings(error_us, stratum) != 0, score_milli < 9900);
        }
    }
    assert_int_equal(score_warnings(0, SCORE_STRATUM_BAD), WARNING_STRATUM);
    assert_int_equal(score_warnings(SCORE_ERROR_BAD_US + 1, 1), WARNING_OFFSET);
}

static void short_cookies_cost_one_and_high_strata_four(void **)
{
    assert_int_equal(score_step_of(FAILURE_NONE, 0, 1, true).step_milli, 0);
    assert_int_equal(score_step_of(FAILURE_NONE, 0, SCORE_STRATUM_BAD, false).step_milli, -4000);
    assert_int_equal(score_step_of(FAILURE_NONE, 0, SCORE_STRATUM_BAD - 1, false).step_milli, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_fall_with_the_offset_as_the_table_says),
        cmocka_unit_test(two_silent_probes_take_20_under_10),
        cmocka_unit_test(fourteen_good_probes_take_0_to_10),
        cmocka_unit_test(score_stays_between_minus_100_and_20),
        cmocka_unit_test(grave_failures_cap_the_score_at_once),
        cmocka_unit_test(failures_have_their_own_steps),
        cmocka_unit_test(warnings_go_with_a_low_score),
        cmocka_unit_test(short_cookies_cost_one_and_high_strata_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
