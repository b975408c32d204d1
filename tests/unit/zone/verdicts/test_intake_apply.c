#include "tests/unit/intake_fixture.h"
#include "zone/verdicts/intake_private.h"

static uint64_t number;

static int set_up_numbers(void **state)
{
    number = 0;
    return set_up(state);
}

/* Takes in one report with this verdict. */
static void say_verdict(const char *label, const struct member_health *health)
{
    forget_made();
    start(++number);
    assert_true(report_verdict(&made, label, health));
    finish();
    assert_ok(import());
    assert_int_equal(sum.reports, 1);
}

static void say_event(const char *label, uint64_t at, const char *text)
{
    struct history_event event = { .at = at };
    (void)snprintf(event.text, sizeof(event.text), "%s", text);
    forget_made();
    start(++number);
    assert_true(report_event(&made, label, &event));
    finish();
    assert_ok(import());
}

static void say_sample(const char *label, const char *address, uint64_t at)
{
    forget_made();
    start(++number);
    note_sample(label, address, at);
    finish();
    assert_ok(import());
}

/* -- members of verdicts -- */

static void a_verdict_on_an_unknown_member_is_skipped(void **)
{
    struct member_health health = verdict_of("alice", "192.0.2.1"), found = { .member_id = 0 };
    const struct member bob = member_row("bob");
    say_verdict("nobody", &health);
    assert_int_equal(sum.skipped, 1);
    say_verdict("", &health);
    assert_int_equal(sum.skipped, 1);
    say_verdict("bob", &health); /* another member's label */
    assert_int_equal(sum.skipped, 1);
    health.member_id = bob.id; /* another member's number */
    say_verdict("alice", &health);
    assert_int_equal(sum.skipped, 1);
    health.member_id = 999;
    say_verdict("alice", &health);
    assert_int_equal(sum.skipped, 1);
    assert_false(verdict_is("alice", &found) || verdict_is("bob", &found));
    assert_int_equal(sum.refusal.count, 0);
    assert_int_equal(vantage_row("far").position, number);
}

static void verdict_of_an_address_that_is_not_the_members_is_skipped(void **)
{
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.2");
    say_verdict("alice", &health);
    assert_int_equal(sum.skipped, 1);
    health = verdict_of("alice", "192.0.2.1");
    health.address_count = 2;
    health.addresses[1] = health.addresses[0];
    health.addresses[1].address = address_of("203.0.113.1");
    say_verdict("alice", &health);
    assert_int_equal(sum.skipped, 1);
    assert_false(verdict_is("alice", &found));
    health.addresses[1].address = address_of("2001:db8::1");
    say_verdict("alice", &health);
    assert_true(sum.verdicts == 1 && verdict_is("alice", &found));
    assert_int_equal(found.address_count, 2);
}

static void member_with_a_name_of_its_own_may_have_any_address(void **)
{
    struct member_health found = { .member_id = 0 }, health = verdict_of("own", "203.0.113.7");
    say_verdict("own", &health);
    assert_true(sum.verdicts == 1 && verdict_is("own", &found));
    assert_int_equal(vantage_row("far").new_addresses, 1);
    say_verdict("own", &health); /* known now */
    assert_int_equal(vantage_row("far").new_addresses, 1);
}

static void new_addresses_are_bounded_by_the_day(void **)
{
    struct member_health found = { .member_id = 0 }, health = verdict_of("own", "203.0.113.7");
    struct store_txn *txn = NULL;
    say_verdict("own", &health);
    struct vantage vantage = vantage_row("far");
    vantage.new_addresses = INTAKE_NEW_ADDRESSES;
    assert_ok(store_write(stores.health, &txn, &diag));
    assert_ok(vantage_put(txn, &vantage, &diag));
    assert_ok(store_commit(txn, &diag));
    say_verdict("own", &health);
    assert_int_equal(sum.verdicts, 1);
    health.addresses[0].address = address_of("203.0.113.8");
    say_verdict("own", &health);
    assert_true(sum.verdicts == 0 && sum.skipped == 1 && sum.refusal.count == 1);
    assert_non_null(strstr(refusal_of("far").text, "too many new addresses"));
    assert_true(verdict_is("own", &found));
    const struct address before = address_of("203.0.113.7");
    assert_true(address_equal(&found.addresses[0].address, &before));
    now += 86400; /* another day */
    say_verdict("own", &health);
    assert_int_equal(sum.verdicts, 1);
    assert_int_equal(vantage_row("far").new_addresses, 1);
}

/* -- times -- */

static void verdict_from_the_future_is_refused(void **)
{
    static const size_t times[] = {
        offsetof(struct member_health, stage_since),
        offsetof(struct member_health, last_eligible_at),
        offsetof(struct member_health, family[0].stage_since),
        offsetof(struct member_health, family[1].frozen_at),
        offsetof(struct member_health, addresses[0].first_probe_at),
        offsetof(struct member_health, addresses[0].last_probe_at),
        offsetof(struct member_health, addresses[0].last_good_at),
        offsetof(struct member_health, addresses[0].certified_at),
        offsetof(struct member_health, addresses[0].operational_at),
    };
    static const uint64_t ahead[] = { REPORTS_NOW + VANTAGE_AHEAD_S + 1, UINT64_MAX };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        for (size_t k = 0; k < 2; k++) {
            struct member_health found = { .member_id = 0 },
                                 health = verdict_of("alice", "192.0.2.1");
            memcpy((char *)&health + times[i], &ahead[k], sizeof(ahead[k]));
            say_verdict("alice", &health);
            assert_true(sum.skipped == 1 && sum.verdicts == 0);
            assert_non_null(strstr(refusal_of("far").text, "future"));
            assert_false(verdict_is("alice", &found));
        }
    }
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.1");
    health.addresses[0].last_probe_at = REPORTS_NOW + VANTAGE_AHEAD_S;
    say_verdict("alice", &health);
    assert_true(verdict_is("alice", &found));
}

static void certificates_end_is_believed_for_some_years(void **)
{
    const uint64_t latest = REPORTS_NOW + UINT64_C(86400) * 366 * INTAKE_CERT_YEARS;
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.1");
    health.last_cert_not_after = UINT64_MAX;
    health.addresses[0].cert_not_after = latest + 1;
    say_verdict("alice", &health);
    assert_true(verdict_is("alice", &found));
    assert_true(found.last_cert_not_after == latest);
    assert_true(found.addresses[0].cert_not_after == latest);
}

static void samples_count_within_two_days(void **)
{
    static const struct {
        uint64_t at;
        unsigned count;
    } cases[] = {
        { REPORTS_NOW + VANTAGE_AHEAD_S + 1, 0 },
        { UINT64_MAX, 0 },
        { UINT64_MAX - 172800, 0 },
        { 0, 0 },
        { REPORTS_NOW - 172800, 0 },
        { REPORTS_NOW - 172799, 1 },
        { REPORTS_NOW, 2 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        say_sample("alice", "192.0.2.1", cases[i].at);
        assert_int_equal(samples_of("alice", "192.0.2.1"), cases[i].count);
    }
}

static void samples_are_of_members_and_their_addresses(void **)
{
    struct member_health health = verdict_of("own", "203.0.113.7");
    say_sample("alice", "192.0.2.2", REPORTS_NOW); /* bob's */
    assert_int_equal(samples_of("alice", "192.0.2.2"), 0);
    say_sample("own", "203.0.113.7", REPORTS_NOW); /* before any verdict with it */
    assert_int_equal(samples_of("own", "203.0.113.7"), 0);
    say_verdict("own", &health);
    say_sample("own", "203.0.113.7", REPORTS_NOW);
    assert_int_equal(samples_of("own", "203.0.113.7"), 1);
    say_sample("own", "203.0.113.8", REPORTS_NOW);
    assert_int_equal(samples_of("own", "203.0.113.8"), 0);
}

struct hours_seen {
    unsigned hours, probes, span_s;
};

static void see_hour(const struct history_hour *hour, void *arg)
{
    struct hours_seen *seen = arg;
    seen->hours++;
    seen->probes += hour->probes;
    seen->span_s = hour->span_s;
}

/* A probe that was offline sends two days at once: their hours get all samples. */
static void late_samples_come_into_the_hours(void **)
{
    const uint64_t hour = (REPORTS_NOW - 86400) / 3600 * UINT64_C(3600);
    forget_made();
    start(++number);
    for (uint64_t at = hour; at < hour + 3600; at += 60) {
        note_sample("alice", "192.0.2.1", at);
    }
    finish();
    assert_ok(import());
    assert_int_equal(samples_of("alice", "192.0.2.1"), 60);
    struct store_txn *txn = NULL;
    const struct history_subject subject = reports_subject(member_row("alice").id, "192.0.2.1");
    struct hours_seen seen = { 0 };
    assert_ok(store_read(stores.history, &txn, &diag));
    assert_ok(history_hours(txn, &subject, hour, now, see_hour, &seen));
    store_abort(txn);
    assert_true(seen.hours == 1 && seen.probes == 60);
    assert_ok(import()); /* known */
    assert_int_equal(samples_of("alice", "192.0.2.1"), 60);
}

static void imported_hours_become_days(void **)
{
    const uint64_t later = REPORTS_NOW + UINT64_C(86400) * (HISTORY_FAR_DAYS + 1);
    const struct history_subject subject = reports_subject(member_row("alice").id, "192.0.2.1");
    const struct vantages vantages = { .count = 0 };
    struct hours_seen seen = { 0 };
    struct history_fold fold = { .vantages = &vantages };
    struct store_txn *txn = NULL;
    bool left = true;
    say_sample("alice", "192.0.2.1", REPORTS_NOW - 7200);
    assert_ok(store_write(stores.history, &txn, &diag));
    while (left) {
        assert_ok(history_fold(txn, &fold, later, 1000, &left, &diag));
    }
    assert_ok(history_hours(txn, &subject, 0, later, see_hour, &seen));
    store_abort(txn);
    assert_true(seen.probes == 1 && seen.span_s == 86400);
}

/* -- texts -- */

static void control_characters_of_texts_are_replaced(void **)
{
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.1");
    (void)snprintf(health.addresses[0].detail, sizeof(health.addresses[0].detail),
                   "a\x1b[2J\r\n\tb\x7f\xff\xe2\x80\xae");
    say_verdict("alice", &health);
    assert_true(verdict_is("alice", &found));
    assert_string_equal(found.addresses[0].detail, "a?[2J???b?\xff\xe2\x80\xae");
    say_event("alice", REPORTS_NOW, "a\x01z\x1fz\x7fz");
    assert_int_equal(events_of("alice"), 1);
    assert_string_equal(last_event.text, "a?z?z?z");
    assert_string_equal(last_event.who, "far");
}

static void events_of_no_member_or_of_the_future_are_left_out(void **)
{
    say_event("nobody", REPORTS_NOW, "it fell");
    say_event("", REPORTS_NOW, "it fell");
    say_event("alice", REPORTS_NOW + VANTAGE_AHEAD_S + 1, "it fell");
    assert_true(events_of("nobody") == 0 && events_of("alice") == 0);
}

static void events_of_one_report_are_bounded(void **)
{
    struct history_event event = { .at = REPORTS_NOW };
    start(++number);
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(event.text, sizeof(event.text), "event %u", i);
        assert_true(report_event(&made, "alice", &event));
    }
    finish();
    assert_ok(import());
    assert_int_equal(events_of("alice"), HISTORY_EVENTS);
    assert_string_equal(last_event.text, "event 255");
    say_event("alice", REPORTS_NOW, "of another report");
    assert_int_equal(events_of("alice"), HISTORY_EVENTS);
    assert_string_equal(last_event.text, "of another report");
}

/* A log for each spelling of a label would have no bound. */
static void event_is_logged_under_the_members_own_label(void **)
{
    say_event("ALICE", REPORTS_NOW, "it fell");
    say_event("aLiCe", REPORTS_NOW, "it rose");
    assert_int_equal(events_of("alice"), 2);
    assert_true(events_of("ALICE") == 0 && events_of("aLiCe") == 0);
}

/* -- the operator's decisions -- */

/* The reports were judged, then the operator removed or replaced the key. */
static void reports_under_a_removed_key_count_for_nothing(void **)
{
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.1");
    start(1);
    assert_true(report_verdict(&made, "alice", &health));
    finish();
    const struct intake_batch batch = { .octets = octets, .len = octets_len };
    const struct reports_key other = reports_key_of(5);
    name_vantage("far", &other);
    sum = (struct intake_sum){ .reports = 0 };
    assert_ok(intake_apply(&stores, &batch, now, &sum, &diag));
    assert_int_equal(sum.reports, 0);
    struct registry_change change;
    begin_registry(&change);
    assert_ok(registry_remove_vantage(&change, "far"));
    assert_ok(registry_commit(&change));
    assert_ok(intake_apply(&stores, &batch, now, &sum, &diag));
    assert_int_equal(sum.reports, 0);
    assert_false(verdict_is("alice", &found));
    assert_string_equal(vantage_row("far").name, ""); /* no row */
    name_vantage("far", &key);
    assert_ok(intake_apply(&stores, &batch, now, &sum, &diag));
    assert_int_equal(sum.reports, 1);
}

/* Verdicts of earlier versions may be of vantage points that were never named. */
static void one_vantage_point_too_many_does_not_hold_others_up(void **)
{
    struct store_txn *txn = NULL;
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.1");
    assert_ok(store_write(stores.health, &txn, &diag));
    for (int i = 0; i < VANTAGES_MAX - 1; i++) {
        struct vantage old = { .interval_s = 60 };
        (void)snprintf(old.name, sizeof(old.name), "old%d", i);
        assert_ok(vantage_put(txn, &old, &diag));
    }
    assert_ok(store_commit(txn, &diag));
    say_verdict("alice", &health);
    const struct reports_key second = reports_key_of(7);
    name_vantage("zz", &second);
    struct report_head head = head_of(1);
    memcpy(head.vantage, "zz", sizeof("zz"));
    memcpy(head.key, second.open, sizeof(head.key));
    forget_made();
    report_begin(&made, &head);
    assert_true(report_verdict(&made, "alice", &health));
    finish_by(&second);
    start(++number);
    health.addresses[0].probes = 99;
    assert_true(report_verdict(&made, "alice", &health));
    finish();
    assert_ok(import());
    assert_int_equal(sum.reports, 1);
    assert_non_null(strstr(refusal_of("zz").text, "already"));
    assert_true(verdict_is("alice", &found) && found.addresses[0].probes == 99);
}

static void forgotten_vantage_point_counts_again_with_what_comes_later(void **)
{
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.1");
    struct store_txn *txn = NULL;
    say_verdict("alice", &health);
    assert_ok(store_write(stores.health, &txn, &diag));
    assert_ok(health_forget_vantage(txn, "far", true, &diag));
    assert_ok(store_commit(txn, &diag));
    assert_false(verdict_is("alice", &found));
    assert_ok(import());
    assert_true(sum.known == 1 && !verdict_is("alice", &found));
    say_verdict("alice", &health);
    assert_true(verdict_is("alice", &found));
    assert_false(vantage_row("far").forgotten);
}

/* A vantage point can't set the pool's fields. */
static void a_report_leaves_the_pools_own_fields(void **)
{
    struct vantage vantage = reports_vantage(REPORTS_NOW);
    vantage.position = 99;
    vantage.released_at = 99;
    vantage.forgotten = true;
    start(++number);
    assert_true(report_self(&made, &vantage));
    finish();
    assert_ok(import());
    vantage = vantage_row("far");
    assert_true(vantage.position == 1 && vantage.released_at == 0 && !vantage.forgotten);
    assert_int_equal(vantage.interval_s, 60);
}

static void report_that_ends_in_nonsense_counts_up_to_there(void **)
{
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.1");
    start(++number);
    assert_true(report_verdict(&made, "alice", &health));
    write_octets(&made.w, "\2\0\1x", 4);
    finish();
    assert_ok(import());
    assert_true(sum.verdicts == 1 && sum.refusal.count == 1);
    assert_non_null(strstr(refusal_of("far").text, "another version"));
    assert_true(verdict_is("alice", &found) && vantage_row("far").position == number);
}

/* -- verdicts without a member -- */

static void verdicts_of_removed_members_are_purged(void **)
{
    struct registry_change change;
    struct store_txn *txn = NULL;
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.1");
    const uint64_t bob = member_row("bob").id;
    say_verdict("alice", &health);
    health = verdict_of("bob", "192.0.2.2");
    say_verdict("bob", &health);
    assert_ok(intake_purge(&stores, &diag)); /* nothing to do */
    assert_true(verdict_is("alice", &found) && verdict_is("bob", &found));
    begin_registry(&change);
    assert_ok(registry_remove(&change, "bob", now + 1));
    assert_ok(registry_commit(&change));
    assert_ok(intake_purge(&stores, &diag));
    assert_true(verdict_is("alice", &found));
    assert_ok(store_read(stores.health, &txn, &diag));
    assert_int_equal(health_get(txn, bob, "far", &found), RESULT_NOT_FOUND);
    assert_int_equal(store_count(txn, TABLE_HEALTH), 1);
    store_abort(txn);
}

/* A registry that changed separately has other members under the same numbers. */
static void verdicts_of_another_registry_count_for_nothing(void **)
{
    static const uint8_t other[REGISTRY_ID_LEN] = { 1, 2, 3 };
    struct registry_change change;
    struct store_txn *txn = NULL, *registry = NULL;
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.1");
    say_verdict("alice", &health);
    assert_ok(intake_set_owner(&stores, &diag));
    assert_true(verdict_is("alice", &found));
    begin_registry(&change);
    assert_ok(store_put(change.txn, TABLE_SETTINGS, ".id", 3, other, sizeof(other)));
    assert_ok(registry_commit(&change));
    assert_ok(store_read(stores.registry, &registry, &diag));
    assert_ok(store_read(stores.health, &txn, &diag));
    assert_true(intake_is_foreign(registry, txn));
    store_abort(txn);
    assert_ok(intake_set_owner(&stores, &diag));
    assert_ok(store_read(stores.health, &txn, &diag));
    assert_int_equal(store_count(txn, TABLE_HEALTH), 0);
    assert_false(intake_is_foreign(registry, txn));
    store_abort(txn);
    store_abort(registry);
}

static void without_a_history_verdicts_count_all_the_same(void **)
{
    struct member_health found = { .member_id = 0 }, health = verdict_of("alice", "192.0.2.1");
    struct intake_stores without = stores;
    without.history = NULL;
    start(1);
    assert_true(report_verdict(&made, "alice", &health));
    note_sample("alice", "192.0.2.1", REPORTS_NOW);
    finish();
    sum = (struct intake_sum){ .reports = 0 };
    assert_ok(intake_import(&without, octets, octets_len, now, &sum, &diag));
    assert_true(sum.verdicts == 1 && verdict_is("alice", &found));
    assert_int_equal(samples_of("alice", "192.0.2.1"), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up_numbers, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_verdict_on_an_unknown_member_is_skipped),
        CASE(verdict_of_an_address_that_is_not_the_members_is_skipped),
        CASE(member_with_a_name_of_its_own_may_have_any_address),
        CASE(new_addresses_are_bounded_by_the_day),
        CASE(verdict_from_the_future_is_refused),
        CASE(certificates_end_is_believed_for_some_years),
        CASE(samples_count_within_two_days),
        CASE(samples_are_of_members_and_their_addresses),
        CASE(late_samples_come_into_the_hours),
        CASE(imported_hours_become_days),
        CASE(control_characters_of_texts_are_replaced),
        CASE(events_of_no_member_or_of_the_future_are_left_out),
        CASE(events_of_one_report_are_bounded),
        CASE(event_is_logged_under_the_members_own_label),
        CASE(reports_under_a_removed_key_count_for_nothing),
        CASE(one_vantage_point_too_many_does_not_hold_others_up),
        CASE(forgotten_vantage_point_counts_again_with_what_comes_later),
        CASE(a_report_leaves_the_pools_own_fields),
        CASE(report_that_ends_in_nonsense_counts_up_to_there),
        CASE(verdicts_of_removed_members_are_purged),
        CASE(verdicts_of_another_registry_count_for_nothing),
        CASE(without_a_history_verdicts_count_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
