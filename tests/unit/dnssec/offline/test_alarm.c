#include "dnssec/offline/alarm.h"
#include "tests/unit/life.h"

/* A KSK that is elsewhere, with a slice a day for so many days. */
static void presign(struct keyroll *roll, struct slices *slices, unsigned days)
{
    *roll = (struct keyroll){ .remembered = true };
    roll->keys.count = 1;
    roll->keys.list[0] = (struct key_record){ .role = KEY_KSK,
                                              .absent = true,
                                              .life = key_life_in_use(KEY_KSK, START) };
    *slices = (struct slices){ .begin_at = START };
    for (unsigned day = 0; day < days; day++) {
        const struct slice slice = {
            .from = START + day * DAY,
            .inception = START + day * DAY - HOUR,
            .expiration = START + (day + 1) * DAY,
            .aim = {1, 1, 0}
        };
        assert_true(slices_add(slices, &slice));
    }
}

static void expect(const struct keyroll *roll, const struct slices *slices, uint64_t now,
                   enum alarm_level level, const char *what)
{
    char text[ALARM_ROOM];
    assert_int_equal(alarm_of(roll, slices, now), level);
    (void)alarm_text(level, slices, text);
    assert_non_null(strstr(text, what));
    assert_true(strlen(text) < ALARM_ROOM - 1);
}

static void a_year_is_warned_of_thirty_and_seven_days_before_its_end(void **state)
{
    (void)state;
    struct keyroll roll;
    struct slices slices;
    presign(&roll, &slices, 365);
    uint64_t end = START + 365 * DAY;
    expect(&roll, &slices, START, ALARM_NONE, "");
    expect(&roll, &slices, end - 30 * DAY - 1, ALARM_NONE, "");
    expect(&roll, &slices, end - 30 * DAY, ALARM_SOON, "end at 2028-01-15T08:00:00Z");
    expect(&roll, &slices, end - 7 * DAY - 1, ALARM_SOON, "next bundle");
    expect(&roll, &slices, end - 7 * DAY, ALARM_LATE, "URGENT");
    expect(&roll, &slices, end - 1, ALARM_LATE, "import-bundle");
    expect(&roll, &slices, end, ALARM_ENDED, "SERVFAIL");
    expect(&roll, &slices, end + DAY, ALARM_ENDED, "2028-01-15T08:00:00Z");
    slices_done(&slices);
}

static void a_short_bundle_is_warned_of_by_its_parts(void **state)
{
    (void)state;
    struct keyroll roll;
    struct slices slices;
    presign(&roll, &slices, 30);
    expect(&roll, &slices, START + 20 * DAY - 1, ALARM_NONE, "");
    expect(&roll, &slices, START + 20 * DAY, ALARM_SOON, "");
    expect(&roll, &slices, START + 27 * DAY, ALARM_LATE, "");
    slices_done(&slices);
}

static void keys_that_are_here_need_no_bundle(void **state)
{
    (void)state;
    struct keyroll roll;
    struct slices slices;
    presign(&roll, &slices, 2);
    roll.keys.list[0].absent = false;
    expect(&roll, &slices, START + 100 * DAY, ALARM_NONE, "");
    /* One that is to come is not served yet, so nothing is missing. */
    roll.keys.list[0].absent = true;
    roll.keys.list[0].life = (struct key_life){ .wanted = true };
    expect(&roll, &slices, START + 100 * DAY, ALARM_NONE, "");
    slices_done(&slices);
}

static void signatures_over_other_keys_do_not_count(void **state)
{
    (void)state;
    struct keyroll roll;
    struct slices slices;
    presign(&roll, &slices, 100);
    roll.keys.list[0].life.ds.off_at = START + 1; /* CDS is another than in the slices */
    expect(&roll, &slices, START + DAY, ALARM_ENDED, "no valid signature");
    slices_done(&slices);
    presign(&roll, &slices, 0);
    expect(&roll, &slices, START + DAY, ALARM_ENDED, "(no bundle is here)");
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
