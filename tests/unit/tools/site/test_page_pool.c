#include "tests/unit/site_fixture.h"
#include "tools/site/page_pool.h"

#define MIDNIGHT (uint64_t)1796083200 /* 2026-12-01 */

/* Counts queries in an hour. */
static void count(uint64_t hour, uint64_t queries)
{
    struct traffic_pool_day *day = &site_pool.traffic.pool[hour / 24 % 2];
    day->number = hour / 24;
    day->hours[hour % 24].queries = queries;
}

static void assert_shows(const char *page, const char *data)
{
    assert_non_null(strstr(site_page(page_pool), page));
    assert_non_null(strstr(site_page(page_pool_json), data));
}

static void queries_are_those_of_the_last_whole_hour(void **)
{
    site_pool.now = MIDNIGHT + 5UL * 3600 + 1;
    count(MIDNIGHT / 3600 + 4, 1234567);
    count(MIDNIGHT / 3600 + 5, 3);
    assert_shows("<dt>queries in the last whole hour</dt><dd>1,234,567</dd>",
                 "\"queries_1h\":1234567,");
    site_pool.now = MIDNIGHT; /* the last hour was of the day before */
    count(MIDNIGHT / 3600 - 1, 42);
    assert_shows("<dt>queries in the last whole hour</dt><dd>42</dd>", "\"queries_1h\":42,");
}

static void what_no_server_counted_is_not_shown(void **)
{
    site_pool.now = MIDNIGHT + 5UL * 3600;
    count(MIDNIGHT / 3600 - 48 + 4, 99); /* two days before, in the same place */
    assert_null(strstr(site_page(page_pool), "last whole hour"));
    assert_non_null(strstr(site_page(page_pool_json), "\"queries_1h\":null,"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(queries_are_those_of_the_last_whole_hour, site_set_up),
        cmocka_unit_test_setup(what_no_server_counted_is_not_shown, site_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, site_tear_down);
}
