#include "tests/unit/unit.h"
#include "tools/site/page.h"

static struct markup m;

static const char *page(const char *title, struct sitepool *pool)
{
    const struct page_head head = { .title = title,
                                    .root = "../",
                                    .here = "members.html",
                                    .description = "All \"members\"",
                                    .feed = "alice.atom" };
    markup_clear(&m);
    page_begin(&m, pool, &head);
    page_end(&m, pool);
    return m.text;
}

static struct sitepool *pool(void)
{
    static struct sitepool made;
    made = (struct sitepool){ .now = 1796000000,
                              .apex = "pool.example",
                              .options = { .title = "", .url = "", .imprint = "" } };
    return &made;
}

static void a_page_allows_no_script_and_nothing_from_elsewhere(void **)
{
    const char *text = page("Members", pool());
    assert_non_null(
        strstr(text, "content=\"default-src 'none'; style-src 'self'; img-src 'self'\""));
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "http:"));
    assert_null(strstr(text, "style="));
}

static void links_lead_from_the_page_to_the_root(void **)
{
    const char *text = page("Members", pool());
    assert_non_null(strstr(text, "href=\"../style.css\""));
    assert_non_null(strstr(text, "<a href=\"../members.html\" aria-current=\"page\">Members<"));
    assert_non_null(strstr(text, "<a href=\"../vantages.html\">"));
}

static void titles_are_texts_and_the_imprint_is_the_operators_markup(void **)
{
    struct sitepool *made = pool();
    made->options.title = "A <pool>";
    made->options.imprint = "<p>Us</p>";
    const char *text = page("</title>", made);
    assert_non_null(strstr(text, "<title>&lt;/title&gt; - A &lt;pool&gt;</title>"));
    assert_non_null(strstr(text, "<h1>&lt;/title&gt;</h1>"));
    assert_non_null(strstr(text, "content=\"All &quot;members&quot;\""));
    assert_non_null(strstr(text, "<p>Us</p>"));
}

#define SHOWS(expected, call)                                                                      \
    do {                                                                                           \
        markup_clear(&m);                                                                          \
        call;                                                                                      \
        assert_string_equal(m.text, expected);                                                     \
    } while (0)

static void times_and_scores_are_short_and_unknown_ones_a_dash(void **)
{
    SHOWS("<time datetime=\"2026-11-30T00:53:20Z\">2026-11-30 00:53</time>",
          page_time(&m, 1796000000));
    SHOWS("-", page_time(&m, 0));
    SHOWS("-", page_time(&m, UINT64_MAX));
    SHOWS("59 s", page_span(&m, 59));
    SHOWS("119 min", page_span(&m, 7199));
    SHOWS("47 h", page_span(&m, 172799));
    SHOWS("2 days", page_span(&m, 172800));
    SHOWS("0", page_count(&m, 0));
    SHOWS("999", page_count(&m, 999));
    SHOWS("1,000", page_count(&m, 1000));
    SHOWS("80,001,002", page_count(&m, 80001002));
    SHOWS("18,446,744,073,709,551,615", page_count(&m, UINT64_MAX));
    SHOWS("19.8", page_score(&m, true, 19800));
    SHOWS("-100.0", page_score(&m, true, -100000));
    SHOWS("0.0", page_score(&m, true, -20));
    SHOWS("-", page_score(&m, false, 0));
}

static void a_state_is_told_by_its_word_too(void **)
{
    SHOWS("<span class=\"state good\">eligible</span>", page_state(&m, "eligible", true));
    SHOWS("<span class=\"state wait\">falling</span>", page_state(&m, "falling", true));
    SHOWS("<span class=\"state wait\">registered</span>", page_state(&m, "registered", false));
    SHOWS("<span class=\"state wait\">leaving</span>", page_state(&m, "leaving", false));
    SHOWS("<span class=\"state bad\">suspended</span>", page_state(&m, "suspended", false));
    SHOWS("<a href=\"../failures.html#ntp-silent\">ntp-silent</a>",
          page_failure(&m, "../", FAILURE_NTP_SILENT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_allows_no_script_and_nothing_from_elsewhere),
        cmocka_unit_test(links_lead_from_the_page_to_the_root),
        cmocka_unit_test(titles_are_texts_and_the_imprint_is_the_operators_markup),
        cmocka_unit_test(times_and_scores_are_short_and_unknown_ones_a_dash),
        cmocka_unit_test(a_state_is_told_by_its_word_too),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    markup_done(&m);
    return failed;
}
