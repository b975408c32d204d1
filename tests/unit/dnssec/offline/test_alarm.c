#include "dnssec/offline/alarm.h"
#include "tests/unit/life.h"

/* An offline KSK with a slice for each of `days` days. */
static void presign(struct key_timeline *timeline, struct slices *slices, unsigned days)
{
    *timeline = (struct key_timeline){ .remembered = true };
    timeline->keys.count = 1;
    timeline->keys.list[0] = (struct key_record){ .role = KEY_KSK,
                                                  .offline = true,
                                                  .life = key_life_in_use(KEY_KSK, START) };
    *slices = (struct slices){ .begin_at = START };
    for (unsigned day = 0; day < days; day++) {
        const struct slice slice = { .from = START + day * DAY,
                                     .inception = START + day * DAY - HOUR,
                                     .expiration = START + (day + 1) * DAY,
                                     .aim = { 1, 1, 0 } };
        assert_true(slices_add(slices, &slice));
    }
}

static void expect(const struct key_timeline *timeline, const struct slices *slices, uint64_t now,
                   enum alarm_level level, const char *what)
{
    char text[ALARM_ROOM];
    assert_int_equal(alarm_of(timeline, slices, now), level);
    (void)alarm_text(level, slices, text);
    assert_non_null(strstr(text, what));
    assert_true(strlen(text) < ALARM_ROOM - 1);
}

static void a_year_is_warned_of_thirty_and_seven_days_before_its_end(void **)
{
    struct key_timeline timeline;
    struct slices slices;
    presign(&timeline, &slices, 365);
    uint64_t end = START + 365 * DAY;
    expect(&timeline, &slices, START, ALARM_NONE, "");
    expect(&timeline, &slices, end - 30 * DAY - 1, ALARM_NONE, "");
    expect(&timeline, &slices, end - 30 * DAY, ALARM_SOON, "end at 2028-01-15T08:00:00Z");
    expect(&timeline, &slices, end - 7 * DAY - 1, ALARM_SOON, "next bundle");
    expect(&timeline, &slices, end - 7 * DAY, ALARM_LATE, "URGENT");
    expect(&timeline, &slices, end - 1, ALARM_LATE, "import-bundle");
    expect(&timeline, &slices, end, ALARM_ENDED, "SERVFAIL");
    expect(&timeline, &slices, end + DAY, ALARM_ENDED, "2028-01-15T08:00:00Z");
    assert_int_equal(alarm_since(ALARM_NONE, &slices, end), 0);
    assert_int_equal(alarm_since(ALARM_SOON, &slices, end - 7 * DAY - 1), end - 30 * DAY);
    assert_int_equal(alarm_since(ALARM_LATE, &slices, end - 1), end - 7 * DAY);
    assert_int_equal(alarm_since(ALARM_ENDED, &slices, end + DAY), end);
    assert_int_equal(alarm_since(ALARM_ENDED, &slices, end - 1), 0); /* damaged, who knows when */
    slices_done(&slices);
}

static void a_short_bundle_is_warned_of_by_its_parts(void **)
{
    struct key_timeline timeline;
    struct slices slices;
    presign(&timeline, &slices, 30);
    expect(&timeline, &slices, START + 20 * DAY - 1, ALARM_NONE, "");
    expect(&timeline, &slices, START + 20 * DAY, ALARM_SOON, "");
    expect(&timeline, &slices, START + 27 * DAY, ALARM_LATE, "");
    slices_done(&slices);
}

static void keys_that_are_here_need_no_bundle(void **)
{
    struct key_timeline timeline;
    struct slices slices;
    presign(&timeline, &slices, 2);
    timeline.keys.list[0].offline = false;
    expect(&timeline, &slices, START + 100 * DAY, ALARM_NONE, "");
    /* A planned KSK is not served yet, so no signature is missing. */
    timeline.keys.list[0].offline = true;
    timeline.keys.list[0].life = (struct key_life){ .wanted = true };
    expect(&timeline, &slices, START + 100 * DAY, ALARM_NONE, "");
    slices_done(&slices);
}

static void signatures_over_other_keys_do_not_count(void **)
{
    struct key_timeline timeline;
    struct slices slices;
    presign(&timeline, &slices, 100);
    timeline.keys.list[0].life.ds.withdrawn_at = START + 1; /* CDS differs from the slices' */
    expect(&timeline, &slices, START + DAY, ALARM_ENDED, "no valid signature");
    slices_done(&slices);
    presign(&timeline, &slices, 0);
    expect(&timeline, &slices, START + DAY, ALARM_ENDED, "(no bundle is here)");
    slices_done(&slices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_year_is_warned_of_thirty_and_seven_days_before_its_end),
        cmocka_unit_test(a_short_bundle_is_warned_of_by_its_parts),
        cmocka_unit_test(keys_that_are_here_need_no_bundle),
        cmocka_unit_test(signatures_over_other_keys_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
