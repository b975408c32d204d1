#include <math.h>

#include "tests/unit/unit.h"
#include "tools/scrape.h"
#include "zone/base/openmetrics.h"

static enum result parse(struct scrape *out, const char *text)
{
    *out = (struct scrape){ .text = NULL };
    return scrape_parse(out, xstrdup(text), NULL);
}

static void samples_come_with_their_labels_and_values(void **)
{
    struct scrape scrape;
    assert_ok(parse(&scrape, "# HELP a_total A.\n# TYPE a_total counter\n"
                             "a_total{x=\"1\",y=\"a\\\"b\\\\n\\n,}\"} 12\n\n"
                             "b 1.5e-05 1795981200\nc{} +Inf\nd_bucket{le=\"1.0\"} NaN\n"));
    assert_int_equal(scrape.count, 4);
    assert_string_equal(scrape.samples[0].name, "a_total");
    assert_int_equal(scrape.samples[0].label_count, 2);
    assert_string_equal(scrape.samples[0].labels[0].name, "x");
    assert_string_equal(scrape.samples[0].labels[0].value, "1");
    assert_string_equal(scrape.samples[0].labels[1].value, "a\"b\\n\n,}");
    assert_true(scrape.samples[0].value == 12 && scrape.samples[1].value == 1.5e-05);
    assert_true(isinf(scrape.samples[2].value) && isnan(scrape.samples[3].value));
    assert_false(scrape_is_bucket(&scrape.samples[0]));
    assert_true(scrape_is_bucket(&scrape.samples[3]));
    scrape_free(&scrape);
}

static void reads_back_any_label_that_is_written(void **)
{
    struct openmetrics om;
    struct scrape scrape;
    openmetrics_init(&om, OPENMETRICS_PROMETHEUS);
    openmetrics_family(&om, OPENMETRICS_GAUGE, "a", "A.");
    openmetrics_sample(&om, 0.1, "file", "/a \\\\n\"}\n{,=", "b", "", NULL);
    assert_true(openmetrics_end(&om));
    char *text = strndup(om.text, om.len);
    assert_ok(scrape_parse(&scrape, text, NULL));
    assert_int_equal(scrape.count, 1);
    assert_true(scrape.samples[0].value == 0.1);
    assert_string_equal(scrape.samples[0].labels[0].value, "/a \\\\n\"}\n{,=");
    assert_string_equal(scrape.samples[0].labels[1].value, "");
    scrape_free(&scrape);
    openmetrics_done(&om);
}

static void texts_that_are_no_metrics_are_refused_by_line(void **)
{
    static const char *const wrong[] = {
        "a",
        "a\n",
        "a 1",
        "a{ 1\n",
        "a{x} 1\n",
        "a{x=1} 1\n",
        "a{x=\"1} 1\n",
        "a{x=\"1\\",
        "a{x=\"1\"y=\"2\"} 1\n",
        "a{x=\"1\"}\n",
        "a b\n",
        " a 1\n",
        "a 1x\n",
        "{x=\"1\"} 1\n",
        "<html>\n",
        "a{x=\"1\"",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct scrape scrape = { .text = NULL };
        struct diag diag = { "" };
        char text[64];
        (void)snprintf(text, sizeof(text), "ok 1\n%s", wrong[i]);
        assert_int_equal(scrape_parse(&scrape, xstrdup(text), &diag), RESULT_INVALID);
        assert_string_equal(diag.text, "line 2 of the metrics can't be read");
        assert_null(scrape.text);
    }
}

static void a_sample_with_too_many_labels_is_refused(void **)
{
    char text[512] = "a{";
    size_t len = 2;
    for (unsigned i = 0; i <= SCRAPE_LABELS; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "x=\"1\",");
    }
    (void)snprintf(text + len, sizeof(text) - len, "} 1\n");
    struct scrape scrape;
    assert_int_equal(parse(&scrape, text), RESULT_INVALID);
}

static void every_truncation_ends_well(void **)
{
    static const char text[] = "# HELP a A.\na{x=\"1\",y=\"\\n\\\\\"} 12 7\nb 1.5\n";
    for (size_t len = 0; len < sizeof(text); len++) {
        struct scrape scrape = { .text = NULL };
        (void)scrape_parse(&scrape, strndup(text, len), NULL);
        assert_true(scrape.count <= 2);
        scrape_free(&scrape);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_come_with_their_labels_and_values),
        cmocka_unit_test(reads_back_any_label_that_is_written),
        cmocka_unit_test(texts_that_are_no_metrics_are_refused_by_line),
        cmocka_unit_test(a_sample_with_too_many_labels_is_refused),
        cmocka_unit_test(every_truncation_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
