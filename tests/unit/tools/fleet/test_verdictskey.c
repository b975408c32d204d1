#include "tests/unit/unit.h"
#include "tools/fleet/verdictskey.h"
#include "tools/fleet/verdictsout.h"

static bool parses(const char *text, struct verdictskey *out)
{
    return verdictskey_parse(out, (struct octets){ (const uint8_t *)text, strlen(text) });
}

static void a_place_is_read_as_it_was_written(void **)
{
    struct verdictskey key = { "tokyo1", "tokyo", 1700000000123 }, again;
    char text[VERDICTSKEY_ROOM];
    assert_string_equal(verdictskey_text(&key, text), "v/tokyo1/tokyo/0000018bcfe5687b");
    assert_true(parses(text + 2, &again));
    assert_string_equal(again.machine, "tokyo1");
    assert_string_equal(again.vantage, "tokyo");
    assert_true(again.number == key.number);
}

static void what_is_no_place_is_refused(void **)
{
    static const char *const wrong[] = { "",
                                         "tokyo1/tokyo",
                                         "tokyo1/tokyo/",
                                         "tokyo1/tokyo/0000018bcfe5687",
                                         "tokyo1/tokyo/0000018bcfe5687bb",
                                         "tokyo1/tokyo/0000018BCFE5687B",
                                         "tokyo1/tokyo/0000018bcfe5687g",
                                         "tokyo1/tokyo/0000018bcfe5687:",
                                         "/tokyo/0000018bcfe5687b",
                                         "tokyo1//0000018bcfe5687b",
                                         "Tokyo1/tokyo/0000018bcfe5687b",
                                         "tokyo1/to.kyo/0000018bcfe5687b",
                                         "tokyo1/a-name-of-17-char/0000018bcfe5687b" };
    struct verdictskey key;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(parses(wrong[i], &key));
    }
}

static void the_range_of_a_vantage_point_has_its_reports_only(void **)
{
    char from[VERDICTSKEY_ROOM], to[VERDICTSKEY_ROOM], text[VERDICTSKEY_ROOM];
    verdictskey_range("m", "tokyo", from, to);
    const struct verdictskey inside[] = { { "m", "tokyo", 0 }, { "m", "tokyo", UINT64_MAX } };
    const struct verdictskey outside[] = {
        { "m", "tokyo-2", 1 }, { "m", "toky", 1 }, { "m", "tokyo0", 1 }, { "m2", "tokyo", 1 }
    };
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        (void)verdictskey_text(&inside[i], text);
        assert_true(strcmp(from, text) < 0 && strcmp(text, to) < 0);
    }
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        (void)verdictskey_text(&outside[i], text);
        assert_true(strcmp(text, from) < 0 || strcmp(text, to) >= 0);
    }
}

static void an_allowance_fills_up_again(void **)
{
    const uint64_t most = VERDICTS_OCTETS + 1000 * (uint64_t)VERDICTS_MEMBER_OCTETS;
    struct verdicts_allowance allowance = { .begun = false };
    verdicts_allow(&allowance, 1000, 5000);
    assert_true(allowance.left == most);
    allowance.left = 0;
    for (unsigned ms = 1; ms <= VERDICTS_SPAN_S * 1000 / 2; ms++) {
        verdicts_allow(&allowance, 1000, 5000 + ms);
    }
    assert_in_range(allowance.left, most * 49 / 100, most / 2);
    verdicts_allow(&allowance, 1000, 5000 + 10 * (uint64_t)VERDICTS_SPAN_S * 1000);
    assert_true(allowance.left == most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_read_as_it_was_written),
        cmocka_unit_test(what_is_no_place_is_refused),
        cmocka_unit_test(the_range_of_a_vantage_point_has_its_reports_only),
        cmocka_unit_test(an_allowance_fills_up_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
