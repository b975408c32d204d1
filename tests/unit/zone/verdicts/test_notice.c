/* What a member's contact is told, over its life. */
#include "tests/unit/health_fixture.h"
#include "zone/verdicts/notice.h"

#define HOUR UINT64_C(3600)
#define DAY  (24 * HOUR)
#define T    UINT64_C(2000000000)

static struct settings settings;
static struct member alice;
static struct consensus seen;
static struct notice_memory memory;
static bool probe_runs; /* the last probe is a minute ago */

static int begin(void **)
{
    settings_defaults(&settings);
    settings.registration_expiry_s = 30 * DAY;
    settings.leave_lead_s = 14 * DAY;
    settings.certificate_warning_s = 14 * DAY;
    member_defaults(&alice);
    alice.id = 7;
    alice.changed_at = T - 100 * DAY;
    seen = (struct consensus){ .known = true };
    seen.health.stage = STAGE_ELIGIBLE;
    seen.health.stage_since = T - 50 * DAY;
    seen.health.address_count = 1;
    seen.health.addresses[0] = (struct address_health){ .address = address_of("192.0.2.1"),
                                                        .probes = 9,
                                                        .cert_not_after = T + 60 * DAY };
    memory = (struct notice_memory){ .member_id = 7 };
    probe_runs = true;
    return 0;
}

static void now_in(enum stage stage, uint64_t since)
{
    seen.health.stage = stage;
    seen.health.stage_since = since;
}

static struct notice_facts facts_at(bool trusted, uint64_t now)
{
    struct notice_facts facts;
    for (unsigned i = 0; probe_runs && i < seen.health.address_count; i++) {
        seen.health.addresses[i].last_probe_at = now - 60;
    }
    notice_facts_of(&facts, &alice, &seen, trusted, &settings, now);
    return facts;
}

static unsigned due_if(bool trusted, uint64_t now)
{
    struct notice_facts facts = facts_at(trusted, now);
    return notice_due(&facts, &memory, now);
}

/* Tells what is due; returns it as text. */
static const char *told(uint64_t now)
{
    static char text[256];
    struct notice_facts facts = facts_at(true, now);
    unsigned due = notice_due(&facts, &memory, now);
    text[0] = '\0';
    for (unsigned i = 0; i < NOTICES; i++) {
        if ((due >> i & 1) != 0) {
            (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
                           text[0] == '\0' ? "" : " ", notice_id((enum notice)i));
        }
    }
    if (due != 0) {
        notice_told(&memory, &facts, due, now);
        assert_int_equal(due_if(true, now), 0);
    }
    return text;
}

static void assert_told(uint64_t now, const char *expected)
{
    assert_string_equal(told(now), expected);
}

/* -- out and back -- */

static void life_of_an_outage(void **)
{
    static const struct {
        uint64_t at;
        enum stage stage;
        uint64_t since;
        const char *told;
    } life[] = {
        { 0, STAGE_ELIGIBLE, 0, "" },
        { HOUR, STAGE_INELIGIBLE, 1, "" },
        { 2 * HOUR, STAGE_INELIGIBLE, 1, "" },
        { 2 * HOUR + 1, STAGE_INELIGIBLE, 1, "out" },
        { 3 * HOUR, STAGE_INELIGIBLE, 1, "" },
        { 7 * DAY, STAGE_INELIGIBLE, 1, "" },
        { 7 * DAY + 1, STAGE_INELIGIBLE, 1, "still-out" },
        { 29 * DAY, STAGE_INELIGIBLE, 1, "" },
        { 30 * DAY + 1, STAGE_INELIGIBLE, 1, "still-out" },
        { 400 * DAY, STAGE_INELIGIBLE, 1, "" },
        { 400 * DAY + HOUR, STAGE_ELIGIBLE, 400 * DAY + 2, "" },
        { 400 * DAY + HOUR + 2, STAGE_ELIGIBLE, 400 * DAY + 2, "back" },
        { 401 * DAY, STAGE_ELIGIBLE, 400 * DAY + 2, "" },
    };
    for (size_t i = 0; i < sizeof(life) / sizeof(life[0]); i++) {
        now_in(life[i].stage, T + life[i].since);
        assert_told(T + life[i].at, life[i].told);
    }
}

static void short_outage_is_nobodys_business(void **)
{
    now_in(STAGE_INELIGIBLE, T);
    assert_told(T + 2 * HOUR - 1, "");
    now_in(STAGE_ELIGIBLE, T + 2 * HOUR);
    assert_told(T + 9 * HOUR, "");
}

static void member_that_comes_and_goes_is_told_of_once_a_day(void **)
{
    unsigned mails = 0;
    for (unsigned i = 0; i < 10 * 24; i++) {
        bool in = i % 6 >= 3; /* three hours out, three hours in */
        now_in(in ? STAGE_ELIGIBLE : STAGE_INELIGIBLE, T + (i - i % 3) * HOUR);
        for (unsigned minute = 0; minute < 60; minute += 10) {
            mails += told(T + i * HOUR + UINT64_C(60) * minute)[0] != '\0';
        }
    }
    assert_in_range(mails, 10, 2 * 10);
}

static void relapse_before_the_all_clear_is_the_same_outage(void **)
{
    now_in(STAGE_INELIGIBLE, T);
    assert_told(T + 2 * HOUR, "out");
    now_in(STAGE_ELIGIBLE, T + 3 * HOUR);
    assert_told(T + 3 * HOUR + 1800, "");
    now_in(STAGE_INELIGIBLE, T + 4 * HOUR);
    assert_told(T + 40 * HOUR, "");
    assert_told(T + 8 * DAY, "still-out");
}

static void old_outage_is_told_of_once_when_notices_begin(void **)
{
    now_in(STAGE_INELIGIBLE, T - 60 * DAY);
    assert_told(T, "out");
    assert_told(T + 100 * DAY, "");
}

static void other_vantage_points_time_makes_no_second_reminder(void **)
{
    now_in(STAGE_INELIGIBLE, T);
    assert_told(T + 2 * HOUR, "out");
    assert_told(T + 7 * DAY, "still-out");
    now_in(STAGE_INELIGIBLE, T + HOUR);
    assert_told(T + 7 * DAY + HOUR, "");
}

static void nothing_is_due_without_trust(void **)
{
    now_in(STAGE_INELIGIBLE, T);
    seen.health.addresses[0].failure = FAILURE_CERT_EXPIRED;
    seen.health.addresses[0].cert_not_after = T;
    assert_int_equal(due_if(false, T + DAY), 0);
    assert_int_not_equal(due_if(true, T + DAY), 0);
}

static void what_was_seen_before_the_probe_was_off_is_not_told(void **)
{
    struct address_health *address = &seen.health.addresses[0];
    probe_runs = false;
    now_in(STAGE_INELIGIBLE, T - 3 * DAY);
    address->failure = FAILURE_CONNECT_TIMEOUT;
    address->last_probe_at = T - 2 * DAY;
    assert_told(T, "");
    address->last_probe_at = T - 6 * HOUR; /* it is seldom probed, since it has failed so long */
    assert_told(T, "out");
    now_in(STAGE_ELIGIBLE, T - 2 * HOUR);
    address->failure = FAILURE_NONE;
    address->warnings = WARNING_CERT_AGE;
    address->cert_not_after = T + DAY;
    assert_told(T, "");
    address->last_probe_at = T - 60;
    assert_told(T, "back certificate-ends");
}

static void held_falling_and_unknown_members_are_neither_out_nor_back(void **)
{
    now_in(STAGE_FALLING, T);
    assert_told(T + DAY, "");
    now_in(STAGE_INELIGIBLE, T);
    seen.hold = HOLD_SILENT;
    assert_told(T + DAY, "");
    seen = (struct consensus){ .known = false };
    alice.changed_at = T;
    assert_told(T + DAY, "");
}

static void operators_word_is_no_outage(void **)
{
    now_in(STAGE_INELIGIBLE, T);
    alice.suspended = true;
    assert_told(T + DAY, "");
    alice.suspended = false;
    alice.override = OVERRIDE_INELIGIBLE;
    assert_told(T + DAY, "");
    alice.override = OVERRIDE_AUTO;
    alice.capacity_mbit = 0;
    assert_told(T + DAY, "");
    alice.capacity_mbit = 10;
    assert_told(T + DAY, "out");
}

static void clock_that_was_ahead_keeps_no_notice_back(void **)
{
    memory.outage_at = memory.told_at = T + 1000 * DAY;
    now_in(STAGE_INELIGIBLE, T);
    assert_told(T + DAY, "out");
    assert_true(notice_gap_is_over(T + 1000 * DAY, T));
    assert_false(notice_gap_is_over(T, T + HOUR - 1));
    assert_true(notice_gap_is_over(T, T + HOUR));
    assert_true(notice_gap_is_over(0, T));
}

/* -- certificates -- */

static void certificate_is_told_of_before_and_after_its_end(void **)
{
    struct address_health *address = &seen.health.addresses[0];
    address->cert_not_after = T + 14 * DAY + 1;
    address->warnings = WARNING_CERT_AGE;
    assert_told(T, "");
    assert_told(T + 1, "certificate-ends");
    assert_told(T + 13 * DAY, "");
    address->failure = FAILURE_CERT_EXPIRED;
    assert_told(T + 14 * DAY + 1, "certificate-ended");
    assert_told(T + 15 * DAY, "");
    *address = (struct address_health){ .probes = 9, .cert_not_after = T + 100 * DAY };
    assert_told(T + 16 * DAY, "");
    address->warnings = WARNING_CERT_AGE;
    assert_told(T + 90 * DAY, "certificate-ends");
}

static void young_certificate_of_a_few_days_does_not_end_soon(void **)
{
    seen.health.addresses[0].cert_not_after = T + 5 * DAY;
    assert_told(T, "");
}

static void certificate_that_was_not_seen_now_is_not_told_of(void **)
{
    struct address_health *address = &seen.health.addresses[0];
    address->cert_not_after = T + DAY;
    address->warnings = WARNING_CERT_AGE;
    address->failure = FAILURE_CONNECT_TIMEOUT;
    assert_told(T, "");
    assert_told(T + 2 * DAY, "");
}

static void two_certificates_in_turn_are_told_of_once_each(void **)
{
    struct address_health *address = &seen.health.addresses[0];
    address->warnings = WARNING_CERT_AGE;
    address->cert_not_after = T + 2 * DAY;
    assert_told(T, "certificate-ends");
    address->cert_not_after = T + 3 * DAY;
    assert_told(T + 600, "certificate-ends");
    for (unsigned i = 0; i < 10; i++) {
        address->cert_not_after = T + (2 + i % 2) * DAY;
        assert_told(T + 1200 + i, "");
    }
}

static void first_of_several_certificates_counts(void **)
{
    seen.health.address_count = 2;
    seen.health.addresses[1] = seen.health.addresses[0];
    seen.health.addresses[0].warnings = seen.health.addresses[1].warnings = WARNING_CERT_AGE;
    seen.health.addresses[0].cert_not_after = T + 9;
    seen.health.addresses[1].cert_not_after = T + 5;
    assert_int_equal(facts_at(true, T).certificate_soon, T + 5);
}

/* -- registration, leave, removal -- */

static void registration_that_expires_is_told_of_a_week_before(void **)
{
    now_in(STAGE_REGISTERED, T);
    alice.changed_at = T;
    assert_told(T + 23 * DAY - 1, "");
    assert_told(T + 23 * DAY, "registration-expires");
    assert_told(T + 29 * DAY, "");
    settings.registration_expiry_s = 40 * DAY;
    assert_told(T + 33 * DAY, "registration-expires");
    alice.suspended = true;
    settings.registration_expiry_s = 60 * DAY;
    assert_told(T + 53 * DAY, "");
    alice.suspended = false;
    settings.registration_expiry_s = 0;
    assert_told(T + 53 * DAY, "");
}

static void registration_of_two_days_is_told_of_after_one(void **)
{
    now_in(STAGE_REGISTERED, T);
    alice.changed_at = T;
    settings.registration_expiry_s = 2 * DAY;
    assert_told(T + DAY - 1, "");
    assert_told(T + DAY, "registration-expires");
}

static void certified_member_does_not_expire(void **)
{
    now_in(STAGE_CERTIFIED, T);
    alice.changed_at = T;
    assert_told(T + 29 * DAY, "");
}

static void planned_leave_is_told_of_and_is_no_outage(void **)
{
    alice.leave_at = T + 20 * DAY;
    assert_told(T, "");
    assert_told(T + 6 * DAY, "leaves");
    now_in(STAGE_INELIGIBLE, T + 7 * DAY);
    assert_told(T + 19 * DAY, "");
    alice.leave_at = T + 21 * DAY;
    assert_told(T + 19 * DAY, "leaves");
}

static void removal_is_told_of_once_and_not_long_after(void **)
{
    struct notice_facts facts = { .removed_at = T };
    unsigned due = notice_due(&facts, &memory, T + 1);
    assert_int_equal(due, 1U << NOTICE_REMOVED);
    assert_int_equal(notice_due(&facts, &memory, T + 2 * DAY), 0);
    notice_told(&memory, &facts, due, T + 1);
    assert_int_equal(notice_due(&facts, &memory, T + 2), 0);
    facts.removed_at = T + DAY; /* it was restored, and removed again */
    assert_int_equal(notice_due(&facts, &memory, T + DAY), 1U << NOTICE_REMOVED);
}

/* -- trust -- */

static void verdicts_are_trusted_while_somebody_reports_and_nobody_holds_back(void **)
{
    struct vantages v = { .count = 2, .asked = { true, false } };
    assert_true(notice_trusts(&v));
    v.list[1].frozen_since = T;
    assert_true(notice_trusts(&v)); /* it is not asked */
    v.list[0].frozen_since = T;
    assert_false(notice_trusts(&v));
    v.list[0].released_at = T;
    assert_true(notice_trusts(&v));
    v.list[0].family[ADDRESS_IPV4].frozen_since = T + 1;
    assert_false(notice_trusts(&v));
    v.list[0].family[ADDRESS_IPV4].frozen_since = 0;
    v.list[0].state = VANTAGE_HELD_UP;
    assert_false(notice_trusts(&v));
    v.list[0].state = VANTAGE_WELL;
    v.silent = true;
    assert_false(notice_trusts(&v));
    assert_false(notice_trusts(&(struct vantages){ .count = 0 }));
}

/* -- rows -- */

static const struct notice_memory sample = { 7, UINT64_MAX, 1, true, 2, 3, 4, 5, 6, 8 };

static void row_survives_and_no_broken_one_is_taken(void **)
{
    uint8_t row[NOTICE_ENCODED_MAX];
    struct notice_memory back = { .member_id = 7 };
    struct writer w = writer_of(row, sizeof(row));
    notice_encode(&w, &sample);
    assert_false(w.failed);
    for (size_t len = 0; len < w.at; len++) {
        assert_int_not_equal(notice_decode(&back, row, len), RESULT_OK);
    }
    assert_ok(notice_decode(&back, row, w.at));
    back.member_id = 7;
    assert_memory_equal(&back, &sample, sizeof(back));
    row[0]++;
    assert_int_equal(notice_decode(&back, row, w.at), RESULT_NEWER);
}

static void other_contact_was_told_nothing(void **)
{
    struct notice_memory row, found;
    assert_ok(notice_get(txn, 7, "a@example.net", &row));
    row.out = true;
    assert_ok(notice_put(txn, &row, &diag));
    assert_ok(notice_get(txn, 7, "a@example.net", &found));
    assert_true(found.out);
    assert_ok(notice_get(txn, 7, "b@example.net", &found));
    assert_false(found.out);
    assert_int_equal(found.member_id, 7);
    assert_ok(notice_get(txn, 8, "a@example.net", &found));
    assert_int_equal(found.member_id, 8);
    assert_int_equal(found.told_at, 0);
}

static bool is_even(uint64_t id, const void *)
{
    return id % 2 == 0;
}

static void row_goes_with_its_member(void **)
{
    struct notice_memory row = sample;
    bool stale = true;
    assert_ok(notice_is_stale(txn, is_even, NULL, &stale));
    assert_false(stale);
    for (row.member_id = 1; row.member_id <= 9; row.member_id++) {
        assert_ok(notice_put(txn, &row, &diag));
    }
    assert_ok(notice_is_stale(txn, is_even, NULL, &stale));
    assert_true(stale);
    assert_ok(notice_purge(txn, is_even, NULL, &diag));
    assert_int_equal(store_count(txn, TABLE_NOTICES), 4);
    assert_ok(notice_is_stale(txn, is_even, NULL, &stale));
    assert_false(stale);
}

#define LIFE(name) cmocka_unit_test_setup(name, begin)
#define ROW(name)  cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(life_of_an_outage),
        LIFE(short_outage_is_nobodys_business),
        LIFE(member_that_comes_and_goes_is_told_of_once_a_day),
        LIFE(relapse_before_the_all_clear_is_the_same_outage),
        LIFE(old_outage_is_told_of_once_when_notices_begin),
        LIFE(other_vantage_points_time_makes_no_second_reminder),
        LIFE(nothing_is_due_without_trust),
        LIFE(what_was_seen_before_the_probe_was_off_is_not_told),
        LIFE(held_falling_and_unknown_members_are_neither_out_nor_back),
        LIFE(operators_word_is_no_outage),
        LIFE(clock_that_was_ahead_keeps_no_notice_back),
        LIFE(certificate_is_told_of_before_and_after_its_end),
        LIFE(young_certificate_of_a_few_days_does_not_end_soon),
        LIFE(certificate_that_was_not_seen_now_is_not_told_of),
        LIFE(two_certificates_in_turn_are_told_of_once_each),
        LIFE(first_of_several_certificates_counts),
        LIFE(registration_that_expires_is_told_of_a_week_before),
        LIFE(registration_of_two_days_is_told_of_after_one),
        LIFE(certified_member_does_not_expire),
        LIFE(planned_leave_is_told_of_and_is_no_outage),
        LIFE(removal_is_told_of_once_and_not_long_after),
        LIFE(verdicts_are_trusted_while_somebody_reports_and_nobody_holds_back),
        ROW(row_survives_and_no_broken_one_is_taken),
        ROW(other_contact_was_told_nothing),
        ROW(row_goes_with_its_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
