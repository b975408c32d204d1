#include "tests/unit/unit.h"
#include "zone/verdicts/departure.h"
#include "zone/verdicts/history.h"

#define DAY UINT64_C(86400)

enum {
    MINUTE = 60
};

static const uint64_t now = UINT64_C(2000073600) + DAY / 2;

static char dir[64];
static struct store *history_store, *health_store;
static struct store_txn *history, *health;
static struct diag diag;
static struct settings settings;
static struct vantages vantages;
static struct member member;
static struct member_health row;

static int set_up(void **)
{
    (void)snprintf(dir, sizeof(dir), "test_departure.XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_ok(store_create(dir, STORE_HISTORY, &diag));
    assert_ok(store_create(dir, STORE_HEALTH, &diag));
    assert_ok(store_open(&history_store, dir, STORE_HISTORY, true, &diag));
    assert_ok(store_open(&health_store, dir, STORE_HEALTH, true, &diag));
    assert_ok(store_write(history_store, &history, &diag));
    assert_ok(store_write(health_store, &health, &diag));
    settings = default_settings();
    settings.registration_expiry_s = (uint32_t)(3 * DAY);
    vantages = (struct vantages){ .count = 2, .asked = { true, false } };
    (void)snprintf(vantages.list[0].name, VANTAGE_ROOM, "here");
    (void)snprintf(vantages.list[1].name, VANTAGE_ROOM, "there");
    member_defaults(&member);
    member.id = 7;
    member.changed_at = now - 10 * DAY;
    row = (struct member_health){ .member_id = 7, .vantage = "here", .address_count = 1 };
    row.addresses[0].address = address_of("192.0.2.1");
    return 0;
}

static int tear_down(void **)
{
    char command[128];
    store_abort(history);
    store_abort(health);
    store_close(history_store);
    store_close(health_store);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

/* A failed probe so many days ago, by the vantage point of `row`. */
static void probed(unsigned days_ago)
{
    struct history_subject subject = { .member_id = 7, .address = row.addresses[0].address };
    const struct history_sample sample = { .at = now - days_ago * DAY,
                                           .failure = FAILURE_NTP_SILENT };
    memcpy(subject.vantage, row.vantage, sizeof(subject.vantage));
    assert_ok(history_note(history, &subject, &sample, sample.at + DAY, &diag));
}

static enum departure looked(void)
{
    enum departure found = DEPARTURE_NONE;
    const struct departure_sources sources = { .health = health,
                                               .history = history,
                                               .settings = &settings,
                                               .vantages = &vantages,
                                               .now = now };
    assert_ok(health_put(health, &row, &diag));
    assert_ok(departure_of(&found, &member, &sources));
    return found;
}

static void a_member_leaves_when_its_time_has_come(void **)
{
    member.leave_at = now + 1;
    assert_int_equal(looked(), DEPARTURE_NONE);
    member.leave_at = now;
    assert_int_equal(looked(), DEPARTURE_PLANNED);
    member.suspended = true;
    vantages.silent = true;
    assert_int_equal(looked(), DEPARTURE_PLANNED);
}

static void a_member_without_a_certificate_goes_after_days_of_probes(void **)
{
    probed(9);
    probed(9);
    probed(5);
    assert_int_equal(looked(), DEPARTURE_NONE);
    probed(1);
    assert_int_equal(looked(), DEPARTURE_UNCERTIFIED);
    settings.registration_expiry_s = (uint32_t)(3 * DAY + 1); /* days are whole */
    assert_int_equal(looked(), DEPARTURE_NONE);
    settings.registration_expiry_s = 0;
    assert_int_equal(looked(), DEPARTURE_NONE);
}

static void a_probe_that_was_down_removes_nobody(void **)
{
    member.changed_at = now - 400 * DAY;
    probed(399);
    assert_int_equal(looked(), DEPARTURE_NONE);
    probed(0);
    assert_int_equal(looked(), DEPARTURE_NONE);
}

static void a_change_by_the_operator_begins_the_time_anew(void **)
{
    for (unsigned day = 1; day < 9; day++) {
        probed(day);
    }
    assert_int_equal(looked(), DEPARTURE_UNCERTIFIED);
    member.changed_at = now - 3 * DAY + MINUTE;
    assert_int_equal(looked(), DEPARTURE_NONE);
    member.changed_at = now - 3 * DAY - UINT64_C(7200); /* probed since then on three days */
    assert_int_equal(looked(), DEPARTURE_UNCERTIFIED);
}

static void whoever_was_ever_certified_stays(void **)
{
    for (unsigned day = 1; day < 9; day++) {
        probed(day);
    }
    row.addresses[0].certified_at = 1;
    assert_int_equal(looked(), DEPARTURE_NONE);
    row.addresses[0].certified_at = 0;
    row.stage = STAGE_CERTIFIED;
    assert_int_equal(looked(), DEPARTURE_NONE);
    row.stage = STAGE_REGISTERED;
    assert_int_equal(looked(), DEPARTURE_UNCERTIFIED);
    struct member_health other = row; /* of a vantage point that is silent now */
    other.addresses[0].certified_at = 1;
    (void)snprintf(other.vantage, sizeof(other.vantage), "there");
    assert_ok(health_put(health, &other, &diag));
    assert_int_equal(looked(), DEPARTURE_NONE);
}

static void nothing_is_concluded_while_no_vantage_point_judges(void **)
{
    for (unsigned day = 1; day < 9; day++) {
        probed(day);
    }
    vantages.silent = true;
    assert_int_equal(looked(), DEPARTURE_NONE);
    vantages.silent = false;
    vantages.asked[0] = false;
    assert_int_equal(looked(), DEPARTURE_NONE);
    vantages.asked[0] = true;
    vantages.list[0].frozen_since = now;
    assert_int_equal(looked(), DEPARTURE_NONE);
    vantages.list[0].frozen_since = 0;
    vantages.list[0].state = VANTAGE_NETWORK_OFF;
    assert_int_equal(looked(), DEPARTURE_NONE);
    vantages.list[0].state = VANTAGE_WELL;
    assert_int_equal(looked(), DEPARTURE_UNCERTIFIED);
    (void)snprintf(vantages.list[0].name, VANTAGE_ROOM, "another");
    assert_int_equal(looked(), DEPARTURE_NONE);
}

static void the_operators_word_beats_the_expiry(void **)
{
    for (unsigned day = 1; day < 9; day++) {
        probed(day);
    }
    member.suspended = true;
    assert_int_equal(looked(), DEPARTURE_NONE);
    member.suspended = false;
    member.override = OVERRIDE_ELIGIBLE;
    assert_int_equal(looked(), DEPARTURE_NONE);
    member.override = OVERRIDE_INELIGIBLE;
    assert_int_equal(looked(), DEPARTURE_UNCERTIFIED);
}

static void a_member_is_pending_until_a_certificate_was_seen(void **)
{
    bool pending = false;
    assert_ok(departure_is_pending(&pending, &member, health, &vantages)); /* not yet probed */
    assert_true(pending);
    row.addresses[0].certified_at = 1;
    assert_ok(health_put(health, &row, &diag));
    assert_ok(departure_is_pending(&pending, &member, health, &vantages));
    assert_false(pending);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_member_leaves_when_its_time_has_come),
        CASE(a_member_without_a_certificate_goes_after_days_of_probes),
        CASE(a_probe_that_was_down_removes_nobody),
        CASE(a_change_by_the_operator_begins_the_time_anew),
        CASE(whoever_was_ever_certified_stays),
        CASE(nothing_is_concluded_while_no_vantage_point_judges),
        CASE(the_operators_word_beats_the_expiry),
        CASE(a_member_is_pending_until_a_certificate_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
