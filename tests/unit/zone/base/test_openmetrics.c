#include <float.h>
#include <math.h>

#include "tests/unit/unit.h"
#include "zone/base/openmetrics.h"

static struct openmetrics om;

static int begin(void **)
{
    openmetrics_init(&om, OPENMETRICS_PROMETHEUS);
    return 0;
}

static int end(void **)
{
    openmetrics_done(&om);
    return 0;
}

static void assert_text(const char *expected)
{
    assert_true(openmetrics_end(&om));
    assert_int_equal(om.len, strlen(expected));
    assert_memory_equal(om.text, expected, om.len);
}

static void a_family_has_its_help_and_type_once(void **)
{
    openmetrics_family(&om, OPENMETRICS_COUNTER, "a_total", "Messages.");
    openmetrics_sample(&om, 12, "transport", "udp", "family", "ipv4", NULL);
    openmetrics_sample(&om, 3, "transport", "tcp", "family", "ipv6", NULL);
    openmetrics_family(&om, OPENMETRICS_GAUGE, "b", "Members.");
    openmetrics_sample(&om, 0, NULL);
    assert_text("# HELP a_total Messages.\n# TYPE a_total counter\n"
                "a_total{transport=\"udp\",family=\"ipv4\"} 12\n"
                "a_total{transport=\"tcp\",family=\"ipv6\"} 3\n"
                "# HELP b Members.\n# TYPE b gauge\nb 0\n");
}

static void openmetrics_names_the_family_of_a_counter_without_total_and_has_an_end(void **)
{
    openmetrics_done(&om);
    openmetrics_init(&om, OPENMETRICS_1_0);
    openmetrics_family(&om, OPENMETRICS_COUNTER, "a_total", "Messages.");
    openmetrics_sample(&om, 12, NULL);
    assert_text("# HELP a Messages.\n# TYPE a counter\na_total 12\n# EOF\n");
}

static void any_text_can_be_a_label(void **)
{
    openmetrics_family(&om, OPENMETRICS_GAUGE, "a", "A.");
    openmetrics_sample(&om, 1, "file", "a\"b\\c\nd\t\x7f\xc3\xa9", NULL);
    openmetrics_sample(&om, 1, "file", "", NULL);
    assert_text("# HELP a A.\n# TYPE a gauge\n"
                "a{file=\"a\\\"b\\\\c\\nd????\"} 1\na{file=\"\"} 1\n");
}

static void numbers_read_back_as_they_were(void **)
{
    static const double values[] = {
        0, 0.1, 1e-05, 1.0 / 3, 1795981200, UINT32_MAX, 9007199254740992.0, DBL_MAX, DBL_MIN, -2.5
    };
    openmetrics_family(&om, OPENMETRICS_GAUGE, "a", "A.");
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        size_t at = om.len;
        openmetrics_sample(&om, values[i], NULL);
        char line[64];
        (void)snprintf(line, sizeof(line), "%.*s", (int)(om.len - at), om.text + at);
        assert_true(strtod(line + 2, NULL) == values[i]);
    }
    size_t at = om.len;
    openmetrics_sample(&om, 0.1, NULL);
    openmetrics_sample(&om, 1795981200, NULL);
    assert_memory_equal(om.text + at, "a 0.1\na 1795981200\n", om.len - at);
}

static void a_value_that_is_not_finite_is_left_out(void **)
{
    static const double quantiles[] = { 0.5, 1 }, values[] = { NAN, 2 };
    const struct openmetrics_quantiles q = { quantiles, values, 2, INFINITY, 3 };
    openmetrics_family(&om, OPENMETRICS_GAUGE, "a", "A.");
    openmetrics_sample(&om, NAN, NULL);
    openmetrics_sample(&om, INFINITY, NULL);
    openmetrics_family(&om, OPENMETRICS_SUMMARY, "s", "S.");
    openmetrics_summary(&om, &q, NULL);
    assert_text("# HELP a A.\n# TYPE a gauge\n# HELP s S.\n# TYPE s summary\n"
                "s{quantile=\"1.0\"} 2\ns_sum 0\ns_count 3\n");
}

static void buckets_of_a_histogram_add_up(void **)
{
    static const double bounds[] = { 1e-05, 0.5, 128 };
    static const uint64_t buckets[] = { 1, 0, 2, 4 };
    const struct openmetrics_buckets b = { bounds, buckets, 3, 1000.5 };
    openmetrics_family(&om, OPENMETRICS_HISTOGRAM, "h", "H.");
    openmetrics_histogram(&om, &b, "step", "tls", NULL);
    assert_text("# HELP h H.\n# TYPE h histogram\n"
                "h_bucket{step=\"tls\",le=\"1e-05\"} 1\nh_bucket{step=\"tls\",le=\"0.5\"} 1\n"
                "h_bucket{step=\"tls\",le=\"128.0\"} 3\nh_bucket{step=\"tls\",le=\"+Inf\"} 7\n"
                "h_sum{step=\"tls\"} 1000.5\nh_count{step=\"tls\"} 7\n");
}

static void a_summary_has_its_quantiles(void **)
{
    static const double quantiles[] = { 0.01, 0.5, 1 }, values[] = { 0.6, 1.07, 1.12 };
    const struct openmetrics_quantiles q = { quantiles, values, 3, 4000, 3990 };
    openmetrics_family(&om, OPENMETRICS_SUMMARY, "s", "S.");
    openmetrics_summary(&om, &q, NULL);
    assert_text(
        "# HELP s S.\n# TYPE s summary\ns{quantile=\"0.01\"} 0.6\ns{quantile=\"0.5\"} 1.07\n"
        "s{quantile=\"1.0\"} 1.12\ns_sum 4000\ns_count 3990\n");
}

static void a_text_is_bounded_and_the_failure_sticks(void **)
{
    openmetrics_family(&om, OPENMETRICS_GAUGE, "a", "A.");
    for (unsigned i = 0; i < OPENMETRICS_MAX / 4; i++) {
        openmetrics_sample(&om, 1, NULL);
    }
    assert_false(openmetrics_end(&om));
    assert_true(om.len <= OPENMETRICS_MAX);
    openmetrics_done(&om);
    openmetrics_init(&om, OPENMETRICS_PROMETHEUS);
    openmetrics_family(&om, OPENMETRICS_GAUGE, "a", "A.");
    for (unsigned i = 0; i < OPENMETRICS_MAX / 8; i++) {
        openmetrics_sample(&om, 1, NULL);
    }
    assert_true(openmetrics_end(&om));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_family_has_its_help_and_type_once, begin, end),
        cmocka_unit_test_setup_teardown(
            openmetrics_names_the_family_of_a_counter_without_total_and_has_an_end, begin, end),
        cmocka_unit_test_setup_teardown(any_text_can_be_a_label, begin, end),
        cmocka_unit_test_setup_teardown(numbers_read_back_as_they_were, begin, end),
        cmocka_unit_test_setup_teardown(a_value_that_is_not_finite_is_left_out, begin, end),
        cmocka_unit_test_setup_teardown(buckets_of_a_histogram_add_up, begin, end),
        cmocka_unit_test_setup_teardown(a_summary_has_its_quantiles, begin, end),
        cmocka_unit_test_setup_teardown(a_text_is_bounded_and_the_failure_sticks, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
