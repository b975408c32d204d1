#include "tests/unit/unit.h"
#include "tools/output.h"

static void escapes(const char *text, const char *expected)
{
    char out[256];
    assert_string_equal(output_escape(out, sizeof out, text), expected);
}

static void printable_utf8_passes(void **)
{
    escapes("Zeit für alle, 時間 \xf0\x9f\x95\x92", "Zeit für alle, 時間 \xf0\x9f\x95\x92");
    escapes("", "");
}

static void terminal_controls_are_escaped(void **)
{
    escapes("\x1b[2J", "\\x1b[2J");
    escapes("a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f");
    escapes("\xc2\x9b"
            "31m",
            "\\xc2\\x9b31m");                   /* CSI as U+009B */
    escapes("\xe2\x80\xae", "\\xe2\\x80\\xae"); /* right-to-left override */
}

/* Unicode table 3-7: overlong forms, surrogates, beyond U+10FFFF, lone and missing continuation
 * octets. */
static void broken_utf8_is_escaped(void **)
{
    escapes("\xc0\x9b", "\\xc0\\x9b");
    escapes("\xe0\x80\x9b", "\\xe0\\x80\\x9b");
    escapes("\xed\xa0\x80", "\\xed\\xa0\\x80");
    escapes("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    escapes("\xff\x80", "\\xff\\x80");
    escapes("\xc3", "\\xc3");
    escapes("\xe2\x82", "\\xe2\\x82");
}

static void truncation_splits_no_character(void **)
{
    char out[8];
    memset(out, 'x', sizeof out);
    assert_string_equal(output_escape(out, 6, "abcd\x1b"), "abcd");
    assert_string_equal(output_escape(out, 4, "ab\xe2\x82\xac"), "ab");
    assert_string_equal(output_escape(out, 1, "a"), "");
    assert_int_equal(out[7], 'x');
}

static void numbers_have_digits_only_and_are_in_range(void **)
{
    static const char *const bad[] = { "",           "-1",  "+1",
                                       " 1",         "1 ",  "0x1",
                                       "1.5",        "256", "99999999999999999999999",
                                       "4294967296", "abc" };
    uint32_t number = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(output_number(bad[i], 0, 255, &number));
    }
    assert_false(output_number("0", 1, 255, &number));
    assert_int_equal(number, 7);
    assert_true(output_number("255", 0, 255, &number));
    assert_int_equal(number, 255);
    assert_true(output_number("4294967295", 0, UINT32_MAX, &number));
    assert_int_equal(number, UINT32_MAX);
}

static void times_are_utc_and_unknown_ones_a_hyphen(void **)
{
    char out[OUTPUT_TIME_ROOM];
    assert_string_equal(output_time(1, out), "1970-01-01T00:00:01Z");
    assert_string_equal(output_time(1764000000, out), "2025-11-24T16:00:00Z");
    assert_string_equal(output_time(0, out), "-");
    assert_string_equal(output_time(UINT64_MAX, out), "-");
    json_t *never = json_time(0);
    assert_true(json_is_null(never));
    json_decref(never);
}

static void json_texts_are_valid_utf8_without_controls(void **)
{
    json_t *text = json_text("\xc2\x9b\xff\x1b");
    assert_string_equal(json_string_value(text), "\\xc2\\x9b\\xff\\x1b");
    json_decref(text);
    json_t *none = json_text_or_null("");
    assert_true(json_is_null(none));
    json_decref(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_utf8_passes),
        cmocka_unit_test(terminal_controls_are_escaped),
        cmocka_unit_test(broken_utf8_is_escaped),
        cmocka_unit_test(truncation_splits_no_character),
        cmocka_unit_test(numbers_have_digits_only_and_are_in_range),
        cmocka_unit_test(times_are_utc_and_unknown_ones_a_hyphen),
        cmocka_unit_test(json_texts_are_valid_utf8_without_controls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
