#include "tests/unit/unit.h"
#include "tools/site/page_history.h"

#define NOW 1796040000U /* 2026-11-30T12:00:00Z */

static struct sitepool pool;
static struct sitehistory history;
static struct markup m;

static int set_up(void **)
{
    pool = (struct sitepool){ .now = NOW,
                              .apex = "pool.example",
                              .options = { .title = "", .url = "", .imprint = "" } };
    history = (struct sitehistory){ .now = NOW, .first = NOW / 86400 - SITEHISTORY_DAYS + 1 };
    return 0;
}

static struct sitehistory_day *day(unsigned ago)
{
    return &history.days[SITEHISTORY_DAYS - 1 - ago];
}

static const char *page(void)
{
    markup_clear(&m);
    page_history(&m, &pool, &history);
    return m.text;
}

static const char *data(void)
{
    markup_clear(&m);
    page_history_csv(&m, &history);
    return m.text;
}

static void what_was_not_counted_is_not_zero(void **)
{
    assert_string_equal(data(), "day,members,handed_out,ipv4,ipv6,queries,answers\n");
    *day(0) = (struct sitehistory_day){
        .counted = true,
        .members = 7,
        .eligible = 5,
        .eligible_in = { [ADDRESS_IPV4] = 4, [ADDRESS_IPV6] = 3 },
    };
    *day(1) = (struct sitehistory_day){ .asked = true, .queries = 1000, .answers = 900 };
    assert_non_null(strstr(data(), "\n2026-11-29,,,,,1000,900\n"));
    assert_non_null(strstr(data(), "\n2026-11-30,7,5,4,3,,\n"));
    assert_non_null(strstr(page(), "2026-11-29</th><td class=\"number\">-</td>"));
    assert_null(strstr(page(), "2026-11-28"));
}

static void large_numbers_are_scaled(void **)
{
    *day(1) = (struct sitehistory_day){ .asked = true, .queries = 9999, .answers = 1 };
    *day(2) = (struct sitehistory_day){ .asked = true };
    assert_null(strstr(page(), "thousand"));
    day(1)->queries = 10000;
    assert_non_null(strstr(page(), ">thousand<"));
    assert_null(strstr(page(), ">million<"));
    day(1)->queries = 25000000;
    assert_non_null(strstr(page(), ">million<"));
    assert_non_null(strstr(page(), ">25,000,000<")); /* the note and the table have all digits */
}

static void today_is_no_value_of_queries_a_day(void **)
{
    *day(0) = (struct sitehistory_day){ .asked = true, .queries = 77777 };
    assert_null(strstr(page(), "thousand"));
    assert_non_null(strstr(page(), "<td class=\"number\">77,777</td>"));
}

static void hours_are_drawn_with_the_last_one_in_words(void **)
{
    assert_null(strstr(page(), ">123<"));
    for (unsigned i = 0; i < SITEHISTORY_HOURS; i++) {
        uint64_t at = (uint64_t)NOW - (uint64_t)(SITEHISTORY_HOURS - i) * 3600;
        history.hours[history.hour_count++] = (struct traffic_hour){ at, 100 + i % 24, 50 };
    }
    assert_non_null(strstr(page(), ">queries</text><text class=\"end\" x=\"472\" y=\"165\">123<"));
    assert_null(strstr(page(), "nan"));
}

static int tear_down(void **)
{
    markup_done(&m);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_not_counted_is_not_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_numbers_are_scaled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(today_is_no_value_of_queries_a_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hours_are_drawn_with_the_last_one_in_words, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
