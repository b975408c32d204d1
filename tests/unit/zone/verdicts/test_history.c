#include "tests/unit/unit.h"
#include "zone/verdicts/history.h"

/* A quarter of an hour begins then, and a day. */
static const uint64_t now = UINT64_C(2000073600);

static char dir[64];
static struct store *store, *health;
static struct store_txn *txn, *log_txn;
static struct diag diag;
static struct history_fold fold;

static int set_up(void **)
{
    assert_true(now % 86400 == 0);
    (void)snprintf(dir, sizeof(dir), "test_history.XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_ok(store_create(dir, STORE_HISTORY, &diag));
    assert_ok(store_create(dir, STORE_HEALTH, &diag));
    assert_ok(store_open(&store, dir, STORE_HISTORY, true, &diag));
    assert_ok(store_open(&health, dir, STORE_HEALTH, true, &diag));
    assert_ok(store_write(store, &txn, &diag));
    assert_ok(store_write(health, &log_txn, &diag));
    fold = (struct history_fold){ 0 };
    return 0;
}

static int tear_down(void **)
{
    char command[128];
    store_abort(txn);
    store_abort(log_txn);
    store_close(store);
    store_close(health);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

/* Members from this number on are seen by a far vantage point. */
enum {
    FAR = 100
};

static struct history_subject subject_of(uint64_t id)
{
    struct history_subject subject = { .member_id = id, .far = id >= FAR };
    (void)snprintf(subject.vantage, sizeof(subject.vantage), "%s", id >= FAR ? "away" : "here");
    assert_ok(address_parse(&subject.address, "192.0.2.1"));
    return subject;
}

static void note_late(uint64_t id, uint64_t at, int32_t score_milli, enum failure failure,
                      uint64_t when)
{
    const struct history_subject subject = subject_of(id);
    const struct history_sample sample = { at, failure, score_milli, -1500, 2000 };
    assert_ok(history_note(txn, &subject, &sample, when, &diag));
}

static void note(uint64_t id, uint64_t at, int32_t score_milli, enum failure failure)
{
    note_late(id, at, score_milli, failure, at);
}

struct found {
    unsigned count;
    struct history_sample first, last;
    struct history_hour hours[8];
};

static void take_sample(const struct history_sample *sample, void *arg)
{
    struct found *found = arg;
    if (found->count++ == 0) {
        found->first = *sample;
    }
    assert_true(sample->at >= found->last.at);
    found->last = *sample;
}

static void take_hour(const struct history_hour *hour, void *arg)
{
    struct found *found = arg;
    assert_true(found->count < 8);
    found->hours[found->count++] = *hour;
}

static struct found samples(uint64_t id, uint64_t since, uint64_t at)
{
    const struct history_subject subject = subject_of(id);
    struct found found = { 0 };
    assert_ok(history_samples(txn, &subject, since, at, take_sample, &found));
    return found;
}

static struct found hours(uint64_t id, uint64_t at)
{
    const struct history_subject subject = subject_of(id);
    struct found found = { 0 };
    assert_ok(history_hours(txn, &subject, 0, at, take_hour, &found));
    return found;
}

static void fold_all(uint64_t at)
{
    static const struct vantages vantages = {
        .count = 2, .list = { { .name = "away", .imported = true }, { .name = "here" } }
    };
    bool more = true;
    fold.vantages = &vantages;
    for (unsigned i = 0; more; i++) {
        assert_true(i < 10000);
        assert_ok(history_fold(txn, &fold, at, 7, &more, &diag));
    }
}

static void samples_come_back_in_order(void **)
{
    for (unsigned i = 0; i < 100; i++) {
        note(1, now + 60 * (uint64_t)i, (int32_t)i * 100, i == 99 ? FAILURE_OFFSET : FAILURE_NONE);
    }
    note(2, now, 500, FAILURE_NONE);
    struct found found = samples(1, now, now + 6000);
    assert_int_equal(found.count, 100);
    assert_int_equal(found.first.at, now);
    assert_int_equal(found.last.at, now + 5940);
    assert_int_equal(found.last.score_milli, 9900);
    assert_int_equal(found.last.failure, FAILURE_OFFSET);
    assert_int_equal(found.last.offset_us, -1500);
    assert_int_equal(found.last.rtt_us, 2000);
    assert_int_equal(samples(1, now + 3000, now + 6000).count, 50);
    assert_int_equal(samples(2, now, now + 6000).count, 1);
    assert_int_equal(samples(3, now, now + 6000).count, 0);
}

static void the_last_sample_of_a_minute_stays(void **)
{
    for (unsigned i = 0; i < 3600; i++) {
        note(1, now + i, (int32_t)i, FAILURE_NONE);
    }
    assert_int_equal(samples(1, now, now + 3600).count, 60);
    assert_int_equal(samples(1, now, now + 3600).first.at, now + 59);
    assert_int_equal(store_count(txn, TABLE_SAMPLES), 4);
}

static void two_days_are_kept_and_no_more(void **)
{
    uint64_t end = now + UINT64_C(5) * 86400;
    for (uint64_t at = now; at < end; at += 300) {
        note(1, at, 20000, FAILURE_NONE);
    }
    struct found found = samples(1, 0, end);
    const uint64_t two_days = 172800;
    assert_true(found.first.at <= end - two_days + 300);
    assert_true(found.first.at > end - two_days - 1000);
    assert_true(store_count(txn, TABLE_SAMPLES) <= HISTORY_QUARTERS);
}

static void folding_sums_hours_up(void **)
{
    for (unsigned i = 0; i < 60; i++) {
        bool bad = i >= 45;
        note(1, now + 60 * (uint64_t)i, bad ? 10000 : 20000,
             bad ? FAILURE_CONNECT_TIMEOUT : FAILURE_NONE);
    }
    note(1, now + 3600, 5000, FAILURE_NONE);
    fold_all(now + 3600 + HISTORY_FOLD_AFTER_S);
    struct found found = hours(1, now + 3600);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.hours[0].at, now);
    assert_int_equal(found.hours[0].probes, 60);
    assert_int_equal(found.hours[0].failures, 15);
    assert_int_equal(found.hours[0].failure, FAILURE_CONNECT_TIMEOUT);
    assert_int_equal(found.hours[0].score_low_milli, 10000);
    assert_in_range(found.hours[0].score_mean_milli, 17400, 17600);
    assert_int_equal(found.hours[0].offset_mean_us, -1500);
    assert_int_equal(found.hours[0].rtt_mean_us, 2000);
}

/* A vantage point on another machine may report after its samples' quarters were folded. */
static void late_samples_are_folded_once(void **)
{
    note(1, now, 20000, FAILURE_NONE);
    note(1, now + 60, 20000, FAILURE_NONE);
    fold_all(now + 7200);
    assert_int_equal(hours(1, now + 7200).hours[0].probes, 2);
    for (unsigned i = 2; i < 60; i++) {
        note_late(1, now + 60 * (uint64_t)i, 20000, FAILURE_NONE, now + 7200);
    }
    assert_int_equal(hours(1, now + 7200).hours[0].probes, 60);
    fold_all(now + 8200);
    assert_int_equal(hours(1, now + 8200).hours[0].probes, 60);
    assert_int_equal(hours(1, now + 8200).count, 1);
}

static void folding_again_counts_nothing_twice(void **)
{
    for (unsigned i = 0; i < 90; i++) {
        note(1, now + 60 * (uint64_t)i, 20000, FAILURE_NONE);
    }
    fold_all(now + 4000);
    fold = (struct history_fold){ 0 }; /* a restart */
    fold_all(now + 9000);
    struct found found = hours(1, now + 9000);
    assert_int_equal(found.count, 2);
    assert_int_equal(found.hours[0].probes, 60);
    assert_int_equal(found.hours[1].probes, 30);
}

static void hours_live_for_two_years(void **)
{
    note(1, now, 20000, FAILURE_NONE);
    note(2, now, 20000, FAILURE_NONE);
    fold_all(now + 2000);
    assert_int_equal(store_count(txn, TABLE_DAYS), 2);
    uint64_t later = now + UINT64_C(731) * 86400;
    assert_int_equal(hours(1, later).count, 1);
    assert_int_equal(hours(1, later + 86400).count, 0);
    fold_all(later);
    /* rows that no probe overwrites are deleted */
    assert_int_equal(store_count(txn, TABLE_SAMPLES), 0);
    assert_int_equal(store_count(txn, TABLE_DAYS), 2);
    fold_all(later + 86400 + 300);
    assert_int_equal(store_count(txn, TABLE_DAYS), 0);
}

enum {
    DAYS = 800
};

struct seen {
    unsigned hours, days;
    uint64_t first_at, last_at, probes, failures;
    struct history_hour day;
};

static void see_sum(const struct history_hour *hour, void *arg)
{
    struct seen *seen = arg;
    assert_true(hour->at > seen->last_at);
    assert_true(hour->span_s == 3600 || hour->span_s == 86400);
    seen->first_at = seen->last_at == 0 ? hour->at : seen->first_at;
    seen->last_at = hour->at;
    seen->probes += hour->probes;
    seen->failures += hour->failures;
    if (hour->span_s == 3600) {
        seen->hours++;
    } else {
        assert_int_equal(seen->hours, 0); /* days are older than hours */
        seen->days++;
        seen->day = *hour;
    }
}

static struct seen all_sums(uint64_t id, uint64_t at)
{
    const struct history_subject subject = subject_of(id);
    struct seen seen = { 0 };
    assert_ok(history_hours(txn, &subject, 0, at, see_sum, &seen));
    return seen;
}

/* Two probes a day, one of which fails, at 0 and 12 o'clock, folded in time. `off`: a day on which
 * nothing is folded. */
static uint64_t live(uint64_t id, unsigned days, unsigned off)
{
    for (unsigned i = 0; i < days; i++) {
        uint64_t day = now + i * UINT64_C(86400);
        note(id, day, 20000, FAILURE_NONE);
        note(id, day + 43200, 10000, FAILURE_CONNECT_TIMEOUT);
        if (i != off) {
            fold_all(day + 80000);
        }
    }
    return now + days * UINT64_C(86400) - 6400;
}

static void hours_of_a_far_vantage_point_become_days(void **)
{
    uint64_t end = live(FAR, DAYS, DAYS);
    struct seen seen = all_sums(FAR, end);
    assert_int_equal(seen.hours, 2 * (HISTORY_FAR_DAYS + 1));
    assert_int_equal(seen.days, HISTORY_DAYS - HISTORY_FAR_DAYS - 1);
    assert_int_equal(seen.first_at, end / 86400 * 86400 - (HISTORY_DAYS - 1) * UINT64_C(86400));
    assert_int_equal(seen.probes, 2 * HISTORY_DAYS);
    assert_int_equal(seen.failures, HISTORY_DAYS);
    assert_int_equal(seen.day.score_low_milli, 10000);
    assert_int_equal(seen.day.score_mean_milli, 15000);
    assert_int_equal(seen.day.offset_mean_us, -1500);
    assert_int_equal(seen.day.failure, FAILURE_CONNECT_TIMEOUT);
    assert_in_range(store_count(txn, TABLE_DAYS), 61 + 12, 61 + 13);
    /* nothing of it is left after two years */
    for (unsigned i = 0; i < DAYS; i++) {
        fold_all(end + (uint64_t)i * 86400);
    }
    assert_int_equal(store_count(txn, TABLE_DAYS), 0);
}

static void hours_of_the_pool_s_own_vantage_point_stay_hours(void **)
{
    uint64_t end = live(1, DAYS, DAYS);
    assert_int_equal(all_sums(1, end).hours, 2 * HISTORY_DAYS);
    assert_int_equal(all_sums(1, end).days, 0);
}

static void a_day_without_a_server_loses_nothing_of_a_far_vantage_point(void **)
{
    uint64_t end = live(FAR, 200, 100);
    assert_int_equal(all_sums(FAR, end).probes, 400);
}

static void a_vantage_point_that_comes_to_be_far_keeps_its_hours(void **)
{
    struct history_subject subject = subject_of(FAR);
    struct history_sample sample = { now, FAILURE_NONE, 20000, 0, 0 };
    subject.far = false;
    assert_ok(history_note(txn, &subject, &sample, now + 7200, &diag));
    sample.at = now + 3600;
    subject.far = true;
    assert_ok(history_note(txn, &subject, &sample, now + 7200, &diag));
    assert_int_equal(all_sums(FAR, now + 7200).hours, 2);
    assert_int_equal(all_sums(FAR, now + 7200).first_at, now);
}

static void damaged_hours_are_refused_or_harmless(void **)
{
    uint8_t key[STORE_KEY_MAX], value[2048];
    (void)live(FAR, 100, 100);
    struct store_item at = { .data = key, .room = sizeof(key) };
    for (bool more = store_find(txn, TABLE_DAYS, SEEK_FIRST, &at, NULL) == RESULT_OK; more;
         more = store_find(txn, TABLE_DAYS, SEEK_AFTER, &at, NULL) == RESULT_OK) {
        struct store_item row = { .data = value, .room = sizeof(value) };
        struct seen seen = { 0 };
        const struct history_subject subject = subject_of(FAR);
        assert_ok(store_get(txn, TABLE_DAYS, key, at.len, &row));
        assert_ok(store_put(txn, TABLE_DAYS, key, at.len, value, row.len - 1));
        assert_int_equal(
            history_hours(txn, &subject, 0, now + UINT64_C(99) * 86400, see_sum, &seen),
            RESULT_DAMAGED);
        value[10] ^= 0xff; /* failures or probes of the first sum */
        assert_ok(store_put(txn, TABLE_DAYS, key, at.len, value, row.len));
        seen = (struct seen){ 0 };
        (void)history_hours(txn, &subject, 0, now + UINT64_C(99) * 86400, see_sum, &seen);
        value[10] ^= 0xff;
        assert_ok(store_put(txn, TABLE_DAYS, key, at.len, value, row.len));
    }
}

static void clock_that_is_set_back_does_no_harm(void **)
{
    note(1, now + 600, 20000, FAILURE_NONE);
    note(1, now, 1000, FAILURE_NONE);
    assert_int_equal(samples(1, 0, now + 600).count, 1);
    fold_all(now + 5000);
    note(1, now - 90000, 1000, FAILURE_NONE);
    fold_all(now - 80000);
    assert_int_equal(samples(1, 0, now + 600).last.at, now + 600);
}

static void damaged_row_is_replaced(void **)
{
    note(1, now, 20000, FAILURE_NONE);
    uint8_t key[STORE_KEY_MAX];
    struct store_item at = { .data = key, .room = sizeof(key) };
    assert_ok(store_find(txn, TABLE_SAMPLES, SEEK_FIRST, &at, NULL));
    assert_ok(store_put(txn, TABLE_SAMPLES, key, at.len, "?", 1));
    struct found found = { 0 };
    const struct history_subject subject = subject_of(1);
    assert_int_equal(history_samples(txn, &subject, 0, now, take_sample, &found), RESULT_DAMAGED);
    note(1, now + 60, 20000, FAILURE_NONE);
    assert_int_equal(samples(1, 0, now + 60).count, 1);
    assert_ok(store_put(txn, TABLE_SAMPLES, key, at.len, "?", 1));
    fold_all(now + 5000);
    assert_int_equal(store_count(txn, TABLE_SAMPLES), 0);
}

static void take_event(const struct history_event *event, void *arg)
{
    struct history_event *last = arg;
    assert_true(event->at >= last->at);
    *last = *event;
}

static void log_keeps_the_newest_events_of_each_label(void **)
{
    for (unsigned i = 0; i < 3 * HISTORY_EVENTS; i++) {
        struct history_event event = { .at = now + i, .who = "operator" };
        (void)snprintf(event.text, sizeof(event.text), "event %u", i);
        assert_ok(history_log(log_txn, "alice", &event, &diag));
        assert_ok(history_log(log_txn, "alice2", &event, &diag));
    }
    const struct history_event one = { .at = now, .who = "here", .text = "eligible" };
    assert_ok(history_log(log_txn, "bob", &one, &diag));
    assert_int_equal(store_count(log_txn, TABLE_EVENTS), 2 * HISTORY_EVENTS + 1);
    struct history_event last = { 0 };
    assert_ok(history_events(log_txn, "alice", take_event, &last));
    assert_string_equal(last.text, "event 299");
    assert_string_equal(last.who, "operator");
    last = (struct history_event){ 0 };
    assert_ok(history_events(log_txn, "bob", take_event, &last));
    assert_string_equal(last.text, "eligible");
    last = (struct history_event){ 0 };
    assert_ok(history_events(log_txn, "ali", take_event, &last));
    assert_int_equal(last.at, 0);
}

static void count_who(const struct history_event *event, void *arg)
{
    unsigned *counts = arg;
    counts[0] += strcmp(event->who, "operator") == 0;
    counts[1] += strcmp(event->who, "quiet") == 0;
    counts[2] += strcmp(event->who, "loud") == 0;
}

/* An author with many events pushes out its own. */
static void no_author_pushes_out_the_events_of_others(void **)
{
    unsigned counts[3] = { 0 };
    struct history_event event = { .at = now, .who = "operator", .text = "suspended" };
    assert_ok(history_log(log_txn, "alice", &event, &diag));
    memcpy(event.who, "quiet", sizeof("quiet"));
    for (unsigned i = 0; i < 20; i++) {
        assert_ok(history_log(log_txn, "alice", &event, &diag));
    }
    memcpy(event.who, "loud", sizeof("loud"));
    for (unsigned i = 0; i < 3 * HISTORY_EVENTS; i++) {
        event.at = now + i;
        assert_ok(history_log(log_txn, "alice", &event, &diag));
    }
    assert_ok(history_events(log_txn, "alice", count_who, counts));
    assert_true(counts[0] == 1 && counts[1] == 20 && counts[2] == HISTORY_EVENTS - 21);
    struct history_event last = { 0 };
    assert_ok(history_events(log_txn, "alice", take_event, &last));
    assert_int_equal(last.at, event.at);
    assert_int_equal(store_count(log_txn, TABLE_EVENTS), HISTORY_EVENTS);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(samples_come_back_in_order),
        CASE(the_last_sample_of_a_minute_stays),
        CASE(two_days_are_kept_and_no_more),
        CASE(folding_sums_hours_up),
        CASE(late_samples_are_folded_once),
        CASE(folding_again_counts_nothing_twice),
        CASE(hours_live_for_two_years),
        CASE(hours_of_a_far_vantage_point_become_days),
        CASE(hours_of_the_pool_s_own_vantage_point_stay_hours),
        CASE(a_day_without_a_server_loses_nothing_of_a_far_vantage_point),
        CASE(a_vantage_point_that_comes_to_be_far_keeps_its_hours),
        CASE(damaged_hours_are_refused_or_harmless),
        CASE(clock_that_is_set_back_does_no_harm),
        CASE(damaged_row_is_replaced),
        CASE(log_keeps_the_newest_events_of_each_label),
        CASE(no_author_pushes_out_the_events_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
