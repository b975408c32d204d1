#include "tests/unit/intake_fixture.h"

/* -- accepted reports -- */

static void report_changes_what_it_says(void **)
{
    struct member_health health = verdict_of("alice", "192.0.2.1"), found = { .member_id = 0 };
    const struct history_event event = { .at = REPORTS_NOW, .text = "it fell" };
    struct vantage vantage = reports_vantage(REPORTS_NOW);
    start(1000);
    assert_true(report_self(&made, &vantage));
    assert_true(report_verdict(&made, "alice", &health));
    note_sample("alice", "192.0.2.1", REPORTS_NOW - 5);
    assert_true(report_event(&made, "alice", &event));
    finish();
    assert_ok(import());
    assert_true(sum.reports == 1 && sum.verdicts == 1 && sum.skipped == 0 && sum.known == 0);
    assert_int_equal(sum.refusal.count, 0);
    assert_string_equal(sum.vantage, "far");
    assert_true(verdict_is("alice", &found));
    assert_int_equal(found.addresses[0].probes, 77);
    vantage = vantage_row("far");
    assert_true(vantage.position == 1000 && vantage.imported && vantage.well_at == REPORTS_NOW);
    assert_int_equal(vantage.received_at, REPORTS_NOW);
    assert_int_equal(samples_of("alice", "192.0.2.1"), 1);
    assert_int_equal(events_of("alice"), 1);
}

static void report_counts_once(void **)
{
    const struct history_event event = { .at = REPORTS_NOW, .text = "it fell" };
    struct member_health health = verdict_of("alice", "192.0.2.1");
    for (uint64_t number = 1; number <= 3; number++) {
        start(number);
        assert_true(report_verdict(&made, "alice", &health));
        assert_true(report_event(&made, "alice", &event));
        finish();
    }
    assert_ok(import());
    assert_ok(import());
    assert_true(sum.reports == 0 && sum.known == 3 && sum.verdicts == 0);
    assert_int_equal(events_of("alice"), 3);
    /* nor by an import */
    put_journal("far");
    look();
    assert_true(sum.reports == 0 && sum.verdicts == 0 && sum.known == 0);
    assert_int_equal(events_of("alice"), 3);
    assert_true(vantage_row("far").imported);
}

static void journal_is_followed(void **)
{
    struct member_health health = verdict_of("alice", "192.0.2.1"), found = { .member_id = 0 };
    for (uint64_t number = 1; number <= 4; number++) {
        health.addresses[0].probes = (uint32_t)(100 + number);
        start(number);
        assert_true(report_verdict(&made, "alice", &health));
        finish();
        put_journal("far");
        look();
        assert_true(sum.reports == 1 && sum.refusal.count == 0 && !more);
        assert_true(verdict_is("alice", &found));
        assert_int_equal(found.addresses[0].probes, 100 + number);
        assert_false(is_due());
    }
    assert_false(vantage_row("far").imported);
    assert_int_equal(vantage_row("far").position, 4);
}

static void failure_leaves_neither_verdict_nor_position(void **)
{
    /* the registry can't be read: the transaction of the verdicts is aborted */
    struct member_health health = verdict_of("alice", "192.0.2.1"), found = { .member_id = 0 };
    struct store_txn *txn = NULL;
    start(5);
    assert_true(report_verdict(&made, "alice", &health));
    finish();
    assert_ok(store_write(stores.registry, &txn, &diag));
    assert_ok(store_put(txn, TABLE_MEMBERS, "alice", 5, "?", 1));
    assert_ok(store_commit(txn, &diag));
    assert_int_not_equal(import(), RESULT_OK);
    assert_int_equal(vantage_row("far").position, 0);
    assert_false(verdict_is("alice", &found));
}

static void a_report_that_could_not_be_taken_in_is_read_again(void **)
{
    struct member_health health = verdict_of("alice", "192.0.2.1"), found;
    struct store_txn *txn = NULL;
    uint8_t row[MEMBER_ENCODED_MAX];
    struct store_item whole = { .data = row, .room = sizeof(row) };
    for (uint64_t number = 1; number <= 3; number++) {
        start(number);
        assert_true(report_verdict(&made, "alice", &health));
        finish();
    }
    put_journal("far");
    assert_ok(store_write(stores.registry, &txn, &diag));
    assert_ok(store_get(txn, TABLE_MEMBERS, "alice", 5, &whole));
    assert_ok(store_put(txn, TABLE_MEMBERS, "alice", 5, "?", 1));
    assert_ok(store_commit(txn, &diag));
    for (unsigned i = 0; i < 3; i++) {
        assert_int_not_equal(intake_look(intake, &stores, now, &more, &sum, &diag), RESULT_OK);
    }
    assert_false(verdict_is("alice", &found));
    assert_ok(store_write(stores.registry, &txn, &diag));
    assert_ok(store_put(txn, TABLE_MEMBERS, "alice", 5, row, whole.len));
    assert_ok(store_commit(txn, &diag));
    look();
    assert_int_equal(sum.reports, 3);
    assert_true(verdict_is("alice", &found));
    assert_int_equal(vantage_row("far").position, 3);
}

/* -- refusals -- */

static void refused(const char *why)
{
    struct member_health found = { .member_id = 0 };
    assert_ok(import());
    assert_true(sum.reports == 0 && sum.verdicts == 0);
    assert_int_equal(sum.refusal.count, 1);
    assert_non_null(strstr(sum.refusal.text, why));
    assert_non_null(strstr(refusal_of(sum.refusal.source).text, why));
    assert_false(verdict_is("alice", &found));
    assert_int_equal(vantage_row("far").position, 0);
}

static void report_is_refused_with_the_reason(void **)
{
    static const char *const reasons[] = { "nobody has named it", "another key",
                                           "forged or damaged",   "another pool",
                                           "another registry",    "future" };
    struct member_health health = verdict_of("alice", "192.0.2.1");
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        const struct reports_key other = reports_key_of(9);
        struct report_head head = head_of(1);
        forget_made();
        if (i == 0) {
            memcpy(head.vantage, "new", sizeof("new"));
        } else if (i == 1) {
            memcpy(head.key, other.open, sizeof(head.key));
        } else if (i == 3) {
            head.apex = name_of("other.test");
        } else if (i == 4) {
            head.registry[3] ^= 1;
        } else if (i == 5) {
            head.made_at = REPORTS_NOW + VANTAGE_AHEAD_S + 1;
        }
        report_begin(&made, &head);
        assert_true(report_verdict(&made, "alice", &health));
        finish_by(i == 1 || i == 2 ? &other : &key);
        refused(reasons[i]);
    }
    struct report_head head = head_of(1);
    head.made_at = REPORTS_NOW + VANTAGE_AHEAD_S;
    forget_made();
    report_begin(&made, &head);
    finish();
    assert_ok(import());
    assert_int_equal(sum.reports, 1);
}

static void a_refused_journal_is_reported_and_does_not_hold_up_others(void **)
{
    struct member_health health = verdict_of("alice", "192.0.2.1");
    const struct reports_key other = reports_key_of(7);
    name_vantage("near", &other);
    put_octets("near", (const uint8_t *)"this is no report at all", 24);
    start(1);
    assert_true(report_verdict(&made, "alice", &health));
    finish();
    put_journal("far");
    look();
    assert_int_equal(sum.reports, 1);
    assert_non_null(strstr(refusal_of("near").text, "not a report"));
    /* far's reports in near's journal */
    put_journal("near");
    now += 2;
    look();
    assert_non_null(strstr(refusal_of("near").text, "far"));
    put_journal("stray");
    for (int i = 0; i < 25; i++) {
        look();
    }
    assert_non_null(strstr(refusal_of("stray").text, "vantage add stray"));
    assert_true(is_due());
    assert_int_equal(vantage_row("near").position, 0);
}

static void invalid_imports_are_reported_with_their_octet(void **)
{
    struct member_health health = verdict_of("alice", "192.0.2.1"), found = { .member_id = 0 };
    start(1);
    assert_true(report_verdict(&made, "alice", &health));
    finish();
    size_t first = octets_len;
    start(2);
    finish();
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "octet %zu:", first);
    for (size_t cut = first + 1; cut < octets_len; cut += 3) {
        sum = (struct intake_sum){ .reports = 0 };
        assert_int_equal(intake_import(&stores, octets, cut, REPORTS_NOW, &sum, &diag),
                         RESULT_INVALID);
        assert_non_null(strstr(diag.text, expected));
        assert_true(verdict_is("alice", &found)); /* earlier reports */
    }
    assert_int_equal(vantage_row("far").position, 1);
}

static void long_import_is_taken_in_by_parts(void **)
{
    struct member_health health = verdict_of("alice", "192.0.2.1");
    uint64_t number = 0;
    while (octets_len < 3 * (size_t)INTAKE_BUDGET) {
        start(++number);
        while (report_verdict(&made, "alice", &health)) {
            health.addresses[0].probes++;
        }
        finish();
    }
    assert_ok(import());
    assert_int_equal(sum.reports, number);
    assert_int_equal(sum.verdicts, health.addresses[0].probes - 77);
    assert_int_equal(vantage_row("far").position, number);
}

static void refusals_are_bounded_and_the_oldest_goes(void **)
{
    struct refusal refusals[INTAKE_REFUSALS_MAX];
    unsigned count = 0;
    for (int i = 0; i < INTAKE_REFUSALS_MAX + 10; i++) {
        struct report_head head = head_of(1);
        (void)snprintf(head.vantage, sizeof(head.vantage), "v%d", i);
        forget_made();
        report_begin(&made, &head);
        finish();
        now = REPORTS_NOW + (uint64_t)i;
        assert_ok(import());
        assert_ok(import());
    }
    struct store_txn *txn = NULL;
    assert_ok(store_read(stores.health, &txn, &diag));
    assert_ok(intake_refusals(txn, refusals, &count));
    store_abort(txn);
    assert_int_equal(count, INTAKE_REFUSALS_MAX);
    for (unsigned i = 0; i < count; i++) {
        assert_true(refusals[i].first_at >= REPORTS_NOW + 10);
        assert_int_equal(refusals[i].count, 2);
    }
    assert_ok(store_write(stores.health, &txn, &diag));
    assert_ok(intake_clear_refusal(txn, "v70"));
    assert_ok(intake_clear_refusal(txn, "v70"));
    assert_ok(intake_refusals(txn, refusals, &count));
    assert_int_equal(count, INTAKE_REFUSALS_MAX - 1);
    store_abort(txn);
}

static void a_lasting_refusal_is_recorded_once_a_minute(void **)
{
    struct store_txn *txn = NULL;
    uint64_t versions[3];
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 50; k++) {
            forget_made();
            start(1);
            finish_by(&(const struct reports_key){ .open = { 0 } });
            put_journal("far");
            look();
        }
        assert_ok(store_read(stores.health, &txn, &diag));
        versions[i] = store_version(txn);
        store_abort(txn);
        now += i == 0 ? 0 : INTAKE_REFUSAL_S;
    }
    assert_true(versions[0] == versions[1] && versions[2] == versions[1] + 1);
    assert_true(refusal_of("far").count > 50);
}

/* -- budget -- */

static void look_ends_by_its_budget_and_others_have_their_turn(void **)
{
    struct member_health health = verdict_of("alice", "192.0.2.1");
    uint64_t number = 0;
    const struct reports_key second = reports_key_of(7);
    name_vantage("near", &second);
    while (octets_len < 2 * (size_t)INTAKE_BUDGET + INTAKE_BUDGET / 2) {
        start(++number);
        while (report_verdict(&made, "alice", &health)) {
            health.addresses[0].probes++;
        }
        finish();
    }
    put_journal("far");
    assert_true(is_due());
    forget_made();
    struct report_head head = head_of(1);
    memcpy(head.vantage, "near", sizeof("near"));
    memcpy(head.key, second.open, sizeof(head.key));
    report_begin(&made, &head);
    finish_by(&second);
    put_journal("near");
    size_t reports = 0;
    unsigned looks = 0;
    do {
        look();
        reports += sum.reports;
        looks++;
        assert_int_equal(vantage_row("near").position, 1);
    } while (more);
    assert_int_equal(reports, number + 1);
    assert_int_equal(looks, 3);
    assert_false(is_due());
}

/* Asking whether there is anything to take in must not read all of an endless journal. */
static void journal_that_is_too_long_to_tell_is_due(void **)
{
    enum {
        REPORTS = 4000
    };
    const size_t one = REPORT_HEAD_LEN + REPORT_SIGNATURE_LEN;
    uint8_t *data = calloc(REPORTS, one);
    assert_non_null(data);
    for (size_t i = 0; i < REPORTS; i++) {
        wire_put_u32(data + i * one, (uint32_t)(one - 4)); /* number 0: known */
    }
    put_octets("far", data, 100 * one);
    assert_false(is_due());
    put_octets("far", data, REPORTS * one);
    assert_true(is_due());
    unsigned looks = 0;
    do {
        look();
        looks++;
    } while (more);
    assert_true(looks > 2 && looks < 10);
    free(data);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(report_changes_what_it_says),
        CASE(report_counts_once),
        CASE(journal_is_followed),
        CASE(a_report_that_could_not_be_taken_in_is_read_again),
        CASE(failure_leaves_neither_verdict_nor_position),
        CASE(report_is_refused_with_the_reason),
        CASE(a_refused_journal_is_reported_and_does_not_hold_up_others),
        CASE(invalid_imports_are_reported_with_their_octet),
        CASE(long_import_is_taken_in_by_parts),
        CASE(refusals_are_bounded_and_the_oldest_goes),
        CASE(a_lasting_refusal_is_recorded_once_a_minute),
        CASE(journal_that_is_too_long_to_tell_is_due),
        CASE(look_ends_by_its_budget_and_others_have_their_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
