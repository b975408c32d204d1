#include "tests/unit/unit.h"
#include "tools/site/page_share.h"

enum {
    MANY = 2 * PAGE_SHARE_ROWS
};

static struct sitepool pool;
static struct siteworld world;
static struct steered members[MANY];
static struct steershare_row rows[MANY];
static struct markup m;

/* By falling ratio, the last one is out. */
static void fill(size_t count)
{
    pool = (struct sitepool){ .now = 1796000000,
                              .apex = "pool.example",
                              .options = { .title = "", .url = "", .imprint = "" },
                              .source.settings = default_settings() };
    world =
        (struct siteworld){ .view.count = count, .share = { rows, 7, 80 }, .share_count = count };
    for (size_t i = 0; i < count; i++) {
        bool out = i + 1 == count;
        (void)snprintf(members[i].label, LABEL_ROOM, "m%zu", i);
        members[i].state = out ? "suspended" : "eligible";
        members[i].index = out ? STEERVIEW_OUT : (long)i;
        members[i].capacity_mbit = 100;
        double left = (double)(count - i) / (double)count;
        rows[i] =
            (struct steershare_row){ &members[i], 0.25, 0.125, i, 2 * i, out ? -1 : 2 * left };
    }
}

static const char *page(void)
{
    markup_clear(&m);
    page_share(&m, &pool, &world);
    return m.text;
}

static unsigned occurrences(const char *text, const char *words)
{
    unsigned count = 0;
    while ((text = strstr(text, words)) != NULL) {
        count++;
        text++;
    }
    return count;
}

static void a_small_pool_is_shown_whole(void **)
{
    fill(3);
    assert_int_equal(occurrences(page(), "<a href=\"members/"), 3);
    assert_non_null(strstr(page(), "m1</a></th><td><span class=\"state good\">eligible</span></td>"
                                   "<td class=\"number\">25.000 %</td>"
                                   "<td class=\"number\">12.500 %</td><td class=\"number\">1</td>"
                                   "<td class=\"number\">2</td><td class=\"number\">1.333</td>"));
    assert_non_null(strstr(page(), "<td class=\"number\">4</td><td class=\"number\">-</td>"));
    assert_int_equal(occurrences(page(), "<table>"), 1);
}

static void a_large_pool_shows_both_ends(void **)
{
    fill(MANY);
    assert_int_equal(occurrences(page(), "<a href=\"members/"), PAGE_SHARE_ROWS);
    assert_int_equal(occurrences(page(), "<table>"), 2);
    assert_non_null(strstr(page(), "\"members/m0.html\""));
    assert_non_null(strstr(page(), "\"members/m598.html\"")); /* the last one that is handed out */
    assert_null(strstr(page(), "\"members/m300.html\""));
}

static void each_member_is_in_one_bar(void **)
{
    fill(5); /* ratios 2, 1.6, 1.2, 0.8 */
    assert_non_null(strstr(page(), "0 from 0, 0 from 0.25, 0 from 0.5, 1 from 0.75, 0 from 0.9, "
                                   "0 from 1.0, 1 from 1.1, 0 from 1.25, 1 from 1.5, 1 from 2."));
}

static void the_table_of_data_has_all_members(void **)
{
    fill(MANY);
    markup_clear(&m);
    page_share_csv(&m, &world);
    assert_int_equal(occurrences(m.text, "\n"), MANY + 1);
    assert_non_null(strstr(m.text, "\nm300,eligible,0.250000,0.125000,300,600,1.0000\n"));
    assert_non_null(strstr(m.text, "\nm599,suspended,0.250000,0.125000,599,1198,\n"));
}

static void without_a_ratio_there_is_no_empty_chart_or_table(void **)
{
    for (size_t count = 0; count < 2; count++) { /* the one is out */
        fill(count);
        assert_null(strstr(page(), "nan"));
        assert_null(strstr(page(), "<svg"));
        assert_null(strstr(page(), "<table"));
        assert_non_null(strstr(page(), "once a member is handed out"));
    }
}

static void what_was_not_counted_is_said(void **)
{
    fill(3);
    assert_non_null(strstr(page(), "7 times in the last hour and 80 times in the last day."));
    world.share.day = 0;
    assert_non_null(strstr(page(), "No answers were counted yet"));
    assert_null(strstr(page(), "times in the last hour"));
    markup_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_pool_is_shown_whole),
        cmocka_unit_test(a_large_pool_shows_both_ends),
        cmocka_unit_test(each_member_is_in_one_bar),
        cmocka_unit_test(the_table_of_data_has_all_members),
        cmocka_unit_test(without_a_ratio_there_is_no_empty_chart_or_table),
        cmocka_unit_test(what_was_not_counted_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
