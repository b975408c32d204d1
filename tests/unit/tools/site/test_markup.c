#include <math.h>

#include "tests/unit/unit.h"
#include "tools/site/markup.h"

static struct markup m;

static const char *written(void)
{
    return m.text == NULL ? "" : m.text;
}

#define WRITES(expected, ...)                                                                      \
    do {                                                                                           \
        markup_clear(&m);                                                                          \
        markup_put(&m, __VA_ARGS__);                                                               \
        assert_string_equal(written(), expected);                                                  \
    } while (0)

static void texts_of_strangers_never_become_markup(void **)
{
    WRITES("<td title=\"&lt;/script&gt; &amp;amp; &quot;a&quot; &#39;b&#39;\">x</td>",
           "<td title=\"%s\">x</td>", "</script> &amp; \"a\" 'b'");
    WRITES("\\x1b[31m\\x0a\\xff\\xe2\\x80\\xae", "%s", "\x1b[31m\n\xff\u202e");
    WRITES("\\xef\\xbf\\xbe", "%s", "\uFFFE"); /* XML has no such character */
    WRITES("M\u00fcnchen", "%s", "M\u00fcnchen");
    WRITES("", "%s", "");
}

static void numbers_are_written_as_by_printf(void **)
{
    WRITES("-7 7 +7 007 7%", "%d %u %+d %03d %d%%", -7, 7U, 7, 7, 7);
    WRITES("-1 18446744073709551615 1 2 3", "%lld %llu %ld %lu %zu", -1LL, 18446744073709551615ULL,
           1L, 2UL, (size_t)3);
    WRITES("1.50 -0.1 3 x", "%.2f %.1f %.0f %c", 1.5, -0.1, 3.0, 'x');
}

static void a_precision_cuts_a_text_before_it_is_escaped(void **)
{
    WRITES("&lt;&lt;|  a", "%.2s|%3s", "<<<<", "a");
}

static void it_grows_with_what_is_written(void **)
{
    enum {
        PARTS = 100000
    };
    markup_clear(&m);
    for (unsigned i = 0; i < PARTS; i++) {
        markup_raw(&m, "0123456789");
    }
    assert_int_equal(m.len, PARTS * 10);
    assert_int_equal(strlen(m.text), m.len);
    markup_done(&m);
    assert_null(m.text);
}

static void cell(const char *expected, const char *text)
{
    markup_clear(&m);
    markup_csv(&m, text);
    assert_string_equal(written(), expected);
}

static void a_cell_is_no_formula_and_stays_in_its_record(void **)
{
    markup_raw(&m, "");
    cell("plain", "plain");
    cell("\"a,\"\"b\"\"\"", "a,\"b\"");
    cell("'=1+1", "=1+1");
    cell("'+1", "+1");
    cell("'-1", "-1");
    cell("\"'@SUM(A1,A2)\"", "@SUM(A1,A2)");
    cell("a\\x0ab", "a\nb");
    cell("a=b", "a=b");
}

static void json_is_ascii_and_can_stand_in_any_file(void **)
{
    markup_clear(&m);
    markup_json(&m, json_pack("{s:s, s:f}", "n", "M\u00fc", "x", 1.5));
    assert_string_equal(written(), "{\"n\":\"M\\u00FC\",\"x\":1.5}");
    markup_done(&m);
}

static const char *fixed(double value, unsigned digits)
{
    markup_clear(&m);
    markup_fixed(&m, value, digits);
    return written();
}

static void fixed_numbers_are_as_short_as_they_can_be(void **)
{
    assert_string_equal(fixed(20, 1), "20");
    assert_string_equal(fixed(0.5, 3), "0.5");
    assert_string_equal(fixed(-1.25, 2), "-1.25");
    assert_string_equal(fixed(-0.04, 1), "0");
    assert_string_equal(fixed(0.05, 1), "0.1");
    assert_string_equal(fixed(100.03, 2), "100.03");
    assert_string_equal(fixed(1000, 0), "1000");
    assert_string_equal(fixed(0.000000001, 9), "0.000000001");
    assert_string_equal(fixed(-99.9999, 3), "-100");
    assert_string_equal(fixed(1e300, 9) + 300, "0");
    assert_string_equal(fixed(8999999999999999, 0), "8999999999999999");
    markup_done(&m);
}

static void fixed_numbers_are_those_of_printf(void **)
{
    double seed = 1;
    for (unsigned i = 0; i < 20000; i++) {
        char text[400];
        seed = fmod(seed * 16807, 2147483647);
        double value = (seed - 1e9) / pow(10, i % 12);
        unsigned digits = i % 7;
        (void)snprintf(text, sizeof(text), "%.*f", (int)digits, value);
        double difference = fabs(strtod(fixed(value, digits), NULL) - strtod(text, NULL));
        assert_true(difference <= 1.001 * pow(10, -(double)digits)); /* at a half, either way */
        assert_true(difference <= 1e-12 * fabs(value) ||
                    fabs(fabs(value * pow(10, digits) - trunc(value * pow(10, digits))) - 0.5) <
                        1e-6);
    }
    markup_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_strangers_never_become_markup),
        cmocka_unit_test(numbers_are_written_as_by_printf),
        cmocka_unit_test(a_precision_cuts_a_text_before_it_is_escaped),
        cmocka_unit_test(it_grows_with_what_is_written),
        cmocka_unit_test(a_cell_is_no_formula_and_stays_in_its_record),
        cmocka_unit_test(fixed_numbers_are_as_short_as_they_can_be),
        cmocka_unit_test(fixed_numbers_are_those_of_printf),
        cmocka_unit_test(json_is_ascii_and_can_stand_in_any_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
