#include "tests/unit/unit.h"
#include "zone/places/country.h"
#include "zone/registry/label.h"

static void good_labels_come_out_in_lower_case(void **)
{
    char out[LABEL_ROOM];
    assert_ok(label_check(out, "Alice", NULL));
    assert_string_equal(out, "alice");
    assert_ok(label_check(out, "ntp-1", NULL));
    assert_ok(label_check(out, "a", NULL));
    assert_ok(label_check(out, "123a", NULL));
    assert_ok(label_check(out, "ntp", NULL)); /* three letters are no country code */
    char longest[64];
    memset(longest, 'x', 63);
    longest[63] = '\0';
    assert_ok(label_check(out, longest, NULL));
}

static void others_are_refused_with_a_reason(void **)
{
    char too_long[65];
    memset(too_long, 'x', 64);
    too_long[64] = '\0';
    const char *const labels[] = { "",       "-a",     "a-",   "xn--a",    "a.b",
                                   "a_b",    "_tcp",   "a b",  "\xc3\xa4", "nl",
                                   "DE",     "europe", "Asia", "123",      "north-america",
                                   too_long, "a\n",    "ab--c" };
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        struct diag diag = { "" };
        char out[LABEL_ROOM] = "untouched";
        assert_int_equal((int)label_check(out, labels[i], &diag), RESULT_INVALID);
        assert_string_equal(out, "untouched");
        assert_int_not_equal(diag.text[0], '\0');
    }
}

static void countries_are_two_letters(void **)
{
    char out[3];
    assert_true(country_code(out, "nL"));
    assert_string_equal(out, "NL");
    assert_false(country_code(out, "N1"));
    assert_false(country_code(out, "NLD"));
    assert_false(country_code(out, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_labels_come_out_in_lower_case),
        cmocka_unit_test(others_are_refused_with_a_reason),
        cmocka_unit_test(countries_are_two_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
