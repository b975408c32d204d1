#include "probe/consent_watch.h"
#include "tests/unit/unit.h"

#define MINUTE UINT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const uint64_t now = 1000 * DAY;

static struct consent_watch watch_of(bool was_good)
{
    struct consent_watch watch;
    consent_watch_begin(&watch, was_good, now);
    assert_true(consent_watch_asks(&watch, now));
    return watch;
}

static enum failure take(struct consent_watch *watch, enum lookup_consent consent, uint64_t after)
{
    const struct lookup_answer answer = { .consent = consent };
    return consent_watch_take(watch, &answer, now + after);
}

static void nothing_is_asked_where_none_is_needed(void **)
{
    struct consent_watch watch = watch_of(false);
    consent_watch_end(&watch);
    assert_false(consent_watch_asks(&watch, now));
    assert_int_equal(take(&watch, LOOKUP_NOT_ASKED, 0), FAILURE_NONE);
}

static void new_member_is_in_by_the_first_yes(void **)
{
    struct consent_watch watch = watch_of(false);
    assert_int_equal(take(&watch, LOOKUP_CONSENTS, 0), FAILURE_NONE);
    assert_false(consent_watch_asks(&watch, now + DAY - 1));
    assert_int_equal(take(&watch, LOOKUP_NOT_ASKED, HOUR), FAILURE_NONE);
    assert_true(consent_watch_asks(&watch, now + DAY));
}

static void new_member_is_out_by_any_other_answer(void **)
{
    const enum lookup_consent answers[] = { LOOKUP_NOT_ASKED, LOOKUP_CONSENTS_TO_OTHERS,
                                            LOOKUP_NO_CONSENT, LOOKUP_CONSENT_FAILED };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct consent_watch watch = watch_of(false);
        assert_int_equal(take(&watch, answers[i], 0), FAILURE_CONSENT);
        assert_true(consent_watch_asks(&watch, now));
        assert_int_equal(take(&watch, LOOKUP_CONSENTS, 1), FAILURE_NONE);
    }
}

static void three_misses_in_a_row_take_a_member_out(void **)
{
    struct consent_watch watch = watch_of(true);
    assert_int_equal(take(&watch, LOOKUP_NO_CONSENT, 0), FAILURE_NONE);
    assert_false(consent_watch_asks(&watch, now + HOUR - 1));
    assert_true(consent_watch_asks(&watch, now + HOUR));
    assert_int_equal(take(&watch, LOOKUP_CONSENTS_TO_OTHERS, HOUR), FAILURE_NONE);
    assert_int_equal(take(&watch, LOOKUP_CONSENTS, 2 * HOUR), FAILURE_NONE);
    assert_int_equal(take(&watch, LOOKUP_NO_CONSENT, DAY), FAILURE_NONE);
    assert_int_equal(take(&watch, LOOKUP_NO_CONSENT, DAY + HOUR), FAILURE_NONE);
    assert_int_equal(take(&watch, LOOKUP_NO_CONSENT, DAY + 2 * HOUR), FAILURE_CONSENT);
    assert_int_equal(take(&watch, LOOKUP_CONSENT_FAILED, DAY + 3 * HOUR), FAILURE_CONSENT);
    assert_int_equal(take(&watch, LOOKUP_CONSENTS, DAY + 4 * HOUR), FAILURE_NONE);
    assert_int_equal(take(&watch, LOOKUP_NO_CONSENT, 2 * DAY), FAILURE_NONE);
}

static void zone_that_fails_says_nothing_for_three_days(void **)
{
    struct consent_watch watch = watch_of(true);
    for (unsigned hour = 0; hour <= 72; hour++) {
        assert_int_equal(take(&watch, LOOKUP_CONSENT_FAILED, hour * HOUR), FAILURE_NONE);
    }
    assert_int_equal(take(&watch, LOOKUP_CONSENT_FAILED, 73 * HOUR), FAILURE_CONSENT);
    watch = watch_of(true);
    assert_int_equal(take(&watch, LOOKUP_CONSENTS, 2 * DAY), FAILURE_NONE);
    assert_int_equal(take(&watch, LOOKUP_CONSENT_FAILED, 5 * DAY), FAILURE_NONE);
    assert_int_equal(take(&watch, LOOKUP_CONSENT_FAILED, 5 * DAY + 1), FAILURE_CONSENT);
}

static void failures_between_misses_neither_count_nor_forgive(void **)
{
    struct consent_watch watch = watch_of(true);
    assert_int_equal(take(&watch, LOOKUP_NO_CONSENT, 0), FAILURE_NONE);
    assert_int_equal(take(&watch, LOOKUP_CONSENT_FAILED, HOUR), FAILURE_NONE);
    assert_int_equal(take(&watch, LOOKUP_NO_CONSENT, 2 * HOUR), FAILURE_NONE);
    assert_int_equal(take(&watch, LOOKUP_NO_CONSENT, 3 * HOUR), FAILURE_CONSENT);
}

static void refused_member_is_looked_up_often_at_first_and_hourly_later(void **)
{
    struct consent_watch watch = watch_of(false);
    assert_int_equal(take(&watch, LOOKUP_NO_CONSENT, 0), FAILURE_CONSENT);
    assert_int_equal(consent_watch_pause_ms(&watch, MINUTE, now), MINUTE);
    assert_int_equal(consent_watch_pause_ms(&watch, MINUTE, now + 4 * HOUR), 10 * MINUTE);
    assert_int_equal(consent_watch_pause_ms(&watch, MINUTE, now + 30 * DAY), HOUR);
    assert_int_equal(consent_watch_pause_ms(&watch, 2 * HOUR, now + 30 * DAY), 2 * HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_asked_where_none_is_needed),
        cmocka_unit_test(new_member_is_in_by_the_first_yes),
        cmocka_unit_test(new_member_is_out_by_any_other_answer),
        cmocka_unit_test(three_misses_in_a_row_take_a_member_out),
        cmocka_unit_test(zone_that_fails_says_nothing_for_three_days),
        cmocka_unit_test(failures_between_misses_neither_count_nor_forgive),
        cmocka_unit_test(refused_member_is_looked_up_often_at_first_and_hourly_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
