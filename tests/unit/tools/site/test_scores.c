#include <jansson.h>

#include "tests/unit/track_fixture.h"
#include "tools/site/scores.h"

static struct markup m;

static json_t *scores(void)
{
    json_error_t error;
    markup_clear(&m);
    scores_json(&m, &track, 0);
    json_t *out = json_loads(m.text, 0, &error);
    assert_non_null(out);
    return out;
}

static json_t *entry(json_t *all, size_t index)
{
    return json_array_get(json_object_get(all, "history"), index);
}

static long long number(json_t *object, const char *name)
{
    return (long long)json_integer_value(json_object_get(object, name));
}

static double real(json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* The row of `monitors`; NULL if there is none. */
static json_t *monitor(json_t *all, const char *name)
{
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(all, "monitors"), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0) {
            return row;
        }
    }
    return NULL;
}

static void the_newest_entry_is_the_median(void **)
{
    json_t *all = scores();
    json_t *median = monitor(all, "recentmedian");
    assert_int_equal(number(entry(all, 0), "monitor_id"), number(median, "id"));
    assert_true(real(entry(all, 0), "score") == 20);
    assert_true(real(median, "score") == 20);
    assert_string_equal(json_string_value(json_object_get(median, "type")), "score");
    assert_ptr_equal(json_array_get(json_object_get(all, "monitors"), 0), median);
    long long before = number(entry(all, 0), "ts");
    for (size_t i = 1; i < json_array_size(json_object_get(all, "history")); i++) {
        assert_true(number(entry(all, i), "ts") <= before);
        before = number(entry(all, i), "ts");
    }
    json_t *server = json_object_get(all, "server");
    assert_string_equal(json_string_value(json_object_get(server, "ip")), "192.0.2.1");
    json_decref(all);
}

static void the_median_comes_first_even_if_its_quarter_is_older(void **)
{
    track.median_milli[0][HISTORY_QUARTERS - 1] = NAN;
    json_t *all = scores();
    assert_int_equal(number(entry(all, 0), "monitor_id"), 1);
    json_decref(all);
}

static void units_are_those_of_ntppool(void **)
{
    json_t *all = scores();
    assert_true(fabs(real(entry(all, 0), "offset") + 0.0015) < 1e-9); /* seconds */
    assert_true(fabs(real(entry(all, 0), "rtt") - 25.25) < 1e-9);     /* milliseconds */
    assert_true(real(entry(all, 0), "step") == 1);
    json_decref(all);
}

static void vantage_points_that_do_not_count_are_testing(void **)
{
    json_t *all = scores();
    json_t *delft = monitor(all, "delft"), *tokyo = monitor(all, "tokyo");
    assert_string_equal(json_string_value(json_object_get(delft, "status")), "active");
    assert_string_equal(json_string_value(json_object_get(tokyo, "status")), "testing");
    assert_int_not_equal(number(delft, "id"), number(tokyo, "id"));
    assert_true(fabs(real(delft, "avg_rtt") - 25.25) < 1e-9);
    json_decref(all);
}

static void a_failure_has_its_step_and_no_time(void **)
{
    fail_subject(0, FAILURE_NTP_SILENT, "");
    track.median_milli[0][HISTORY_QUARTERS - 1] = 5000;
    json_t *all = scores();
    assert_true(real(entry(all, 0), "step") == 1); /* 3 of 14 failed */
    json_decref(all);
    track.subjects[0].quarters[HISTORY_QUARTERS - 1].failures = 14;
    all = scores();
    assert_true(real(entry(all, 0), "step") == -5);
    bool seen = false;
    for (size_t i = 0; i < json_array_size(json_object_get(all, "history")); i++) {
        json_t *found = entry(all, i);
        if (number(found, "ts") == NOW - 158) {
            seen = true;
            assert_int_equal(number(found, "monitor_id"), number(monitor(all, "delft"), "id"));
            assert_null(json_object_get(found, "offset"));
            assert_null(json_object_get(found, "rtt"));
        }
    }
    assert_true(seen);
    json_decref(all);
}

static void the_log_has_the_same_as_csv(void **)
{
    fail_subject(0, FAILURE_NTP_SILENT, "");
    json_t *all = scores();
    markup_clear(&m);
    scores_log(&m, &track, 0);
    static const char head[] =
        "ts_epoch,ts,offset,step,score,monitor_id,monitor_name,rtt,leap,error\n";
    assert_int_equal(strncmp(m.text, head, strlen(head)), 0);
    size_t lines = 0;
    for (const char *p = m.text; *p != 0; p++) {
        lines += *p == '\n';
    }
    assert_int_equal(lines, 1 + json_array_size(json_object_get(all, "history")));
    assert_non_null(strstr(m.text, ",delft,,,ntp-silent\n"));
    assert_non_null(strstr(m.text, ",recentmedian,25.25,,\n"));
    json_decref(all);
}

static void an_address_that_nobody_has_probed_has_an_empty_history(void **)
{
    track.subject_count = 0;
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        track.median_milli[0][i] = NAN;
    }
    json_t *all = scores();
    assert_int_equal(json_array_size(json_object_get(all, "history")), 0);
    assert_int_equal(json_array_size(json_object_get(all, "monitors")), 0);
    json_decref(all);
}

static void the_number_of_entries_is_bounded(void **)
{
    for (size_t i = 0; i < track.subject_count; i++) {
        for (; track.subjects[i].run_count < 500; track.subjects[i].run_count++) {
            track.subjects[i].runs[track.subjects[i].run_count % TRACK_RUNS] =
                (struct track_run){ NOW - 1000, NOW - 900, 1, FAILURE_NTP_SILENT };
        }
    }
    json_t *all = scores();
    assert_int_equal(json_array_size(json_object_get(all, "history")),
                     SCORES_FAILURES + SCORES_MEDIANS);
    json_decref(all);
}

static void a_page_leads_to_the_member(void **)
{
    markup_clear(&m);
    scores_page(&m, &pool, &track, 1);
    assert_non_null(strstr(m.text, "<h1>2001:db8::1</h1>"));
    assert_non_null(strstr(m.text, "href=\"../../members/alice.html\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_track, end_track)
    const struct CMUnitTest tests[] = {
        TEST(the_newest_entry_is_the_median),
        TEST(the_median_comes_first_even_if_its_quarter_is_older),
        TEST(units_are_those_of_ntppool),
        TEST(vantage_points_that_do_not_count_are_testing),
        TEST(a_failure_has_its_step_and_no_time),
        TEST(the_log_has_the_same_as_csv),
        TEST(an_address_that_nobody_has_probed_has_an_empty_history),
        TEST(the_number_of_entries_is_bounded),
        TEST(a_page_leads_to_the_member),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    markup_done(&m);
    return failed;
}
