#include "tests/unit/unit.h"
#include "zone/base/isotime.h"

static void times_round_trip(void **)
{
    static const struct {
        uint64_t at;
        const char *text;
    } rows[] = { { 0, "1970-01-01T00:00:00Z" },
                 { 951782400, "2000-02-29T00:00:00Z" },
                 { 1796005071, "2026-11-30T02:17:51Z" },
                 { UINT64_C(253402300799), "9999-12-31T23:59:59Z" } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[ISOTIME_ROOM];
        uint64_t at = 1;
        assert_string_equal(isotime_text(rows[i].at, out), rows[i].text);
        assert_ok(isotime_parse(rows[i].text, &at));
        assert_int_equal(at, rows[i].at);
    }
}

static void a_time_beyond_the_calendar_is_its_number(void **)
{
    char out[ISOTIME_ROOM];
    assert_string_equal(isotime_text(UINT64_MAX, out), "18446744073709551615");
}

static void a_time_of_the_calendar_is_no_dash(void **)
{
    char out[ISOTIME_ROOM];
    assert_string_equal(isotime_or_dash(0, out), "-");
    assert_string_equal(isotime_or_dash(1, out), "1970-01-01T00:00:01Z");
    assert_string_equal(isotime_or_dash(UINT64_C(253402300799), out), "9999-12-31T23:59:59Z");
    assert_string_equal(isotime_or_dash(UINT64_C(253402300800), out), "-");
}

static void other_texts_are_refused(void **)
{
    static const char *const texts[] = { "",
                                         "2026-11-30",
                                         "2026-11-30T02:17:51",
                                         "2026-11-30T02:17:51Z ",
                                         "1969-12-31T23:59:59Z",
                                         " 2026-11-30T02:17:51Z",
                                         "2026-11-30T2:17:51Z",
                                         "2026-11-31T02:17:51Z",
                                         "2027-02-29T00:00:00Z",
                                         "2026-11-30T24:00:00Z",
                                         "2026-11-30T23:59:60Z",
                                         "10000-01-01T00:00:00Z" };
    uint64_t at = 7;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal((int)isotime_parse(texts[i], &at), RESULT_INVALID);
    }
    assert_int_equal(at, 7);
}

static void a_day_is_its_first_second(void **)
{
    uint64_t at = 7;
    assert_ok(isotime_parse_day("2000-02-29", &at));
    assert_int_equal(at, 951782400);
    assert_ok(isotime_parse_day("2000-02-29T00:00:01Z", &at));
    assert_int_equal(at, 951782401);
    assert_int_equal((int)isotime_parse_day("2000-02-29 ", &at), RESULT_INVALID);
    assert_int_equal((int)isotime_parse_day("2000-13-01", &at), RESULT_INVALID);
    assert_int_equal((int)isotime_parse_day("2001-02-29", &at), RESULT_INVALID);
    assert_int_equal((int)isotime_parse_day("2000-2-29", &at), RESULT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_round_trip),
        cmocka_unit_test(a_time_beyond_the_calendar_is_its_number),
        cmocka_unit_test(a_time_of_the_calendar_is_no_dash),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(a_day_is_its_first_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
