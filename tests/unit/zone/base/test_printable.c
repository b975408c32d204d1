#include <string.h>

#include "tests/unit/unit.h"
#include "zone/base/printable.h"

static void check(const char *text, const char *expected)
{
    char out[256];
    assert_string_equal(printable_escape(out, sizeof(out), text), expected);
}

static void printable_text_stays(void **)
{
    check("", "");
    check("time.example 192.0.2.1 \"a\\b\"", "time.example 192.0.2.1 \"a\\b\"");
    check("M\xc3\xbcnchen \xe6\x97\xa5 \xf0\x9f\x95\x90",
          "M\xc3\xbcnchen \xe6\x97\xa5 \xf0\x9f\x95\x90");
}

static void what_moves_a_cursor_or_starts_a_line_is_escaped(void **)
{
    check("a\nb\r\x1b[2J\x7f", "a\\x0ab\\x0d\\x1b[2J\\x7f");
    check("\xc2\x9b", "\\xc2\\x9b");          /* CSI in one character */
    check("\xe2\x80\xae", "\\xe2\\x80\\xae"); /* right to left */
    check("\xe2\x80\xa8", "\\xe2\\x80\\xa8"); /* a line separator */
    check("\xe2\x80\x8b", "\\xe2\\x80\\x8b"); /* without width */
    check("\xc2\xad", "\\xc2\\xad");          /* a soft hyphen */
    check("\xe2\x81\xa0", "\\xe2\\x81\\xa0"); /* a word joiner */
    check("\xe2\x80\x8d", "\xe2\x80\x8d");    /* joins letters of some scripts */
}

static void what_is_no_utf8_is_escaped(void **)
{
    check("\xff", "\\xff");
    check("\xc3", "\\xc3");
    check("\xc0\x80", "\\xc0\\x80");          /* too long */
    check("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
}

static void a_cut_is_between_characters(void **)
{
    char out[8];
    assert_string_equal(printable_escape(out, 4, "ab\xc3\xbc"), "ab");
    assert_string_equal(printable_escape(out, 5, "ab\xc3\xbc"), "ab\xc3\xbc");
    assert_string_equal(printable_escape(out, 5, "ab\n"), "ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_text_stays),
        cmocka_unit_test(what_moves_a_cursor_or_starts_a_line_is_escaped),
        cmocka_unit_test(what_is_no_utf8_is_escaped),
        cmocka_unit_test(a_cut_is_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
