#include <math.h>

#include "tests/unit/store_fixture.h"
#include "tools/site/membertrack.h"

enum {
    NOW = 1796000400,
    INTERVAL_S = 60
};

static struct store *health_store, *history_store;
static struct store_txn *health, *history;
static struct memberview_source view;
static struct membertrack track;
static struct member member;
static struct diag diag;

static void add_vantage(const char *name)
{
    struct vantage vantage = { .interval_s = INTERVAL_S, .well_at = NOW, .received_at = NOW };
    (void)snprintf(vantage.name, sizeof(vantage.name), "%s", name);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        vantage.family[i] = (struct vantage_family){ .state = FAMILY_ON, .well_at = NOW };
    }
    assert_ok(vantage_put(health, &vantage, &diag));
}

static void add_row(const char *vantage)
{
    struct member_health row = { .member_id = member.id,
                                 .stage = STAGE_ELIGIBLE,
                                 .address_count = member.address_count };
    (void)snprintf(row.vantage, sizeof(row.vantage), "%s", vantage);
    for (unsigned i = 0; i < member.address_count; i++) {
        row.addresses[i] = (struct address_health){ .address = member.addresses[i], .probes = 100 };
    }
    assert_ok(health_put(health, &row, &diag));
}

static struct history_subject subject_of(const char *vantage, const struct address *address)
{
    struct history_subject subject = { .member_id = member.id, .address = *address };
    (void)snprintf(subject.vantage, sizeof(subject.vantage), "%s", vantage);
    return subject;
}

static void add_sample(const char *vantage, uint64_t ago, enum failure failure, int32_t score_milli)
{
    const struct history_subject subject = subject_of(vantage, &member.addresses[0]);
    const struct history_sample sample = { .at = NOW - ago,
                                           .failure = failure,
                                           .score_milli = score_milli,
                                           .offset_us = 2000,
                                           .rtt_us = 40000 };
    assert_ok(history_note(history, &subject, &sample, NOW, &diag));
}

static int begin(void **)
{
    assert_int_equal(make_dir(NULL), 0);
    assert_ok(store_create(dir, STORE_HEALTH, &diag));
    assert_ok(store_create(dir, STORE_HISTORY, &diag));
    assert_ok(store_open(&health_store, dir, STORE_HEALTH, true, &diag));
    assert_ok(store_open(&history_store, dir, STORE_HISTORY, true, &diag));
    assert_ok(store_write(health_store, &health, &diag));
    assert_ok(store_write(history_store, &history, &diag));
    member = (struct member){ .id = 3 };
    member_defaults(&member);
    member.id = 3;
    (void)snprintf(member.label, sizeof(member.label), "alice");
    member.address_count = 1;
    member.addresses[0] = address_of("192.0.2.1");
    track = (struct membertrack){ .now = 0 };
    return 0;
}

static int end(void **)
{
    membertrack_done(&track);
    store_abort(health);
    store_abort(history);
    store_close(health_store);
    store_close(history_store);
    return remove_dir(NULL);
}

static void read_track(void)
{
    view = (struct memberview_source){ .health = health, .settings = default_settings() };
    const struct membertrack_source source = { &view, history, NOW };
    assert_ok(memberview_begin(&view, NOW));
    assert_ok(membertrack_read(&track, &member, &source));
}

static struct track_quarter *quarter_before(size_t subject, unsigned quarters)
{
    return &track.subjects[subject].quarters[HISTORY_QUARTERS - 1 - quarters];
}

static void a_member_without_any_result_has_addresses_only(void **)
{
    read_track();
    assert_int_equal(track.address_count, 1);
    assert_int_equal(track.subject_count, 0);
    assert_true(isnan(track.median_milli[0][HISTORY_QUARTERS - 1]));
    assert_string_equal(track.view.standing.state, "registered");
}

static void samples_are_summed_up_by_quarter(void **)
{
    add_vantage("delft");
    add_row("delft");
    for (uint64_t ago = 1800; ago > 0; ago -= INTERVAL_S) { /* two quarters: NOW is 400 s in one */
        bool failed = ago == 1200 || ago == 1140;
        add_sample("delft", ago, failed ? FAILURE_NTP_SILENT : FAILURE_NONE,
                   failed ? 10000 - (int32_t)(1200 - ago) : 20000);
    }
    read_track();
    assert_int_equal(track.subject_count, 1);
    const struct track_subject *subject = &track.subjects[0];
    assert_int_equal(subject->probes, 30);
    assert_int_equal(subject->failures, 2);
    assert_int_equal(subject->run_count, 1);
    assert_int_equal(subject->runs[0].count, 2);
    assert_int_equal(subject->runs[0].from, NOW - 1200);
    assert_int_equal(subject->runs[0].until, NOW - 1140);
    size_t failures = 0;
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        const struct track_quarter *quarter = &subject->quarters[i];
        failures += quarter->failures;
        if (quarter->failures > 0) {
            assert_int_equal(quarter->score_low_milli, 9900); /* stored in tenths of a point */
            assert_int_equal(quarter->low_at, NOW - 1140);
            assert_int_equal(quarter->failure, FAILURE_NTP_SILENT);
        }
        if (track_quarter_good(quarter) > 0) {
            assert_true(fabs(track_quarter_offset_ms(quarter) - 2) < 1e-9);
            assert_true(fabs(track_quarter_rtt_ms(quarter) - 40) < 1e-9);
        } else {
            assert_true(isnan(track_quarter_offset_ms(quarter)));
        }
    }
    assert_int_equal(failures, 2);
}

static void two_days_are_kept_and_no_more(void **)
{
    add_vantage("delft");
    add_row("delft");
    add_sample("delft", UINT64_C(3) * 86400, FAILURE_NTP_SILENT, 5000);
    add_sample("delft", 172800, FAILURE_NONE, 20000);
    add_sample("delft", 0, FAILURE_NONE, 20000);
    read_track();
    assert_int_equal(track.subjects[0].probes, 2);
    assert_int_equal(track.subjects[0].failures, 0);
    assert_int_equal(quarter_before(0, 0)->probes, 1);
    assert_int_equal(track.subjects[0].quarters[0].probes, 1);
}

static void a_failure_of_another_class_begins_a_run(void **)
{
    static const enum failure failures[] = { FAILURE_NTP_SILENT, FAILURE_NTP_SILENT, FAILURE_NONE,
                                             FAILURE_NTP_SILENT, FAILURE_NTP_NAK };
    add_vantage("delft");
    add_row("delft");
    for (unsigned i = 0; i < 5; i++) {
        add_sample("delft", 600 - i * INTERVAL_S, failures[i], 20000);
    }
    read_track();
    assert_int_equal(track.subjects[0].run_count, 3);
    assert_int_equal(track.subjects[0].runs[0].count, 2);
    assert_int_equal(track.subjects[0].runs[1].count, 1);
    assert_int_equal(track.subjects[0].runs[2].failure, FAILURE_NTP_NAK);
}

static void the_latest_runs_are_kept(void **)
{
    add_vantage("delft");
    add_row("delft");
    for (unsigned i = 0; i < 4 * TRACK_RUNS; i++) {
        add_sample("delft", (uint64_t)(4 * TRACK_RUNS - i) * INTERVAL_S,
                   i % 2 == 0 ? FAILURE_NTP_SILENT : FAILURE_NONE, 20000);
    }
    read_track();
    const struct track_subject *subject = &track.subjects[0];
    assert_int_equal(subject->run_count, 2 * TRACK_RUNS);
    for (unsigned i = 0; i < TRACK_RUNS; i++) {
        assert_true(subject->runs[i].from >= NOW - 2 * TRACK_RUNS * INTERVAL_S);
    }
}

static void the_median_is_the_worse_one_of_two_and_lasts_for_an_hour(void **)
{
    add_vantage("delft");
    add_vantage("tokyo");
    add_row("delft");
    add_row("tokyo");
    add_sample("delft", UINT64_C(6) * HISTORY_QUARTER_S, FAILURE_NONE, 20000);
    add_sample("tokyo", UINT64_C(6) * HISTORY_QUARTER_S, FAILURE_NONE, 7000);
    read_track();
    const double *median = track.median_milli[0];
    size_t then = HISTORY_QUARTERS - 1 - 6;
    assert_true(isnan(median[then - 1]));
    for (size_t i = 0; i < TRACK_CARRY; i++) {
        assert_true(median[then + i] == 7000);
    }
    assert_true(isnan(median[then + TRACK_CARRY]));
}

static void a_vantage_point_that_does_not_count_is_not_in_the_median(void **)
{
    add_vantage("delft");
    add_row("delft");
    add_row("tokyo"); /* forgotten: it has no row of itself */
    add_vantage("tokyo");
    struct vantage silent = { .interval_s = INTERVAL_S, .well_at = NOW - 86400, .name = "tokyo" };
    assert_ok(vantage_put(health, &silent, &diag));
    add_sample("delft", 60, FAILURE_NONE, 20000);
    add_sample("tokyo", 60, FAILURE_NTP_SILENT, -50000);
    read_track();
    assert_true(track.median_milli[0][HISTORY_QUARTERS - 1] == 20000);
    assert_true(track.subjects[0].asked);
    assert_false(track.subjects[1].asked);
    assert_int_equal(track.subjects[1].failures, 1);
}

static void a_member_with_its_own_name_has_the_addresses_that_probes_found(void **)
{
    add_vantage("delft");
    add_row("delft");
    member.address_count = 0;
    member.target = name_of("time.example.net");
    read_track();
    assert_int_equal(track.address_count, 1);
    assert_true(address_equal(&track.addresses[0], &member.addresses[0]));
    assert_int_equal(track.subject_count, 1);
}

static void the_log_is_read(void **)
{
    const struct history_event event = { .at = NOW - 5, .who = "delft", .text = "eligible" };
    assert_ok(history_log(health, "alice", &event, &diag));
    read_track();
    assert_int_equal(track.event_count, 1);
    assert_string_equal(track.events[0].text, "eligible");
}

static void days_are_those_of_all_vantage_points(void **)
{
    static struct memberdays days;
    add_vantage("delft");
    add_vantage("tokyo");
    add_row("delft");
    add_row("tokyo");
    for (unsigned i = 0; i < 4; i++) { /* folded at once, since they are late */
        add_sample("delft", UINT64_C(5) * 86400 - i * UINT64_C(60),
                   i == 3 ? FAILURE_NTP_SILENT : FAILURE_NONE, 20000);
        add_sample("tokyo", UINT64_C(5) * 86400 - i * UINT64_C(60), FAILURE_NONE, 10000);
    }
    read_track();
    assert_ok(memberdays_read(&days, &track, history));
    const struct track_day *day = &days.days[0][TRACK_DAYS - 1 - 5];
    assert_int_equal(days.first, NOW / 86400 - TRACK_DAYS + 1);
    assert_int_equal(day->probes, 8);
    assert_int_equal(day->failures, 1);
    assert_int_equal(day->score_sum_milli, 4 * 20000 + 4 * 10000);
    assert_int_equal(day->score_low_milli, 10000);
    assert_int_equal(day->offset_sum_us, 7 * 2000);
    assert_int_equal(days.days[0][TRACK_DAYS - 1].probes, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_member_without_any_result_has_addresses_only),
        TEST(samples_are_summed_up_by_quarter),
        TEST(two_days_are_kept_and_no_more),
        TEST(a_failure_of_another_class_begins_a_run),
        TEST(the_latest_runs_are_kept),
        TEST(the_median_is_the_worse_one_of_two_and_lasts_for_an_hour),
        TEST(a_vantage_point_that_does_not_count_is_not_in_the_median),
        TEST(a_member_with_its_own_name_has_the_addresses_that_probes_found),
        TEST(the_log_is_read),
        TEST(days_are_those_of_all_vantage_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
