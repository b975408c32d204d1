/* What is due in a pool, as read from its stores, and what is remembered. */
#include "tests/unit/registry_fixture.h"
#include "tools/notices/noticelist.h"
#include "tools/session.h"
#include "zone/verdicts/history.h"

#define HOUR UINT64_C(3600)

enum {
    MANY = 4000,
    EVENT_ROOM = VANTAGE_ROOM + HISTORY_EVENT_ROOM + 2
};

static struct store *health;
static struct store_txn *health_txn;
static struct cli cli;
static struct noticelist list;
static uint64_t now;

static int begin_pool(void **state)
{
    (void)set_up(state);
    assert_ok(store_create(dir, STORE_HEALTH, &diag));
    assert_ok(store_open(&health, dir, STORE_HEALTH, true, &diag));
    assert_ok(store_write(health, &health_txn, &diag));
    now = session_now();
    cli = (struct cli){ .state_dir = dir };
    return 0;
}

static void vantage_that(uint64_t frozen_since, uint64_t released_at)
{
    struct vantage vantage = { .name = "local", .interval_s = 60, .well_at = now };
    vantage.frozen_since = frozen_since;
    vantage.released_at = released_at;
    assert_ok(vantage_put(health_txn, &vantage, &diag));
}

static void add(unsigned number, const char *contact, enum stage stage, uint64_t since)
{
    char name[16], address[32];
    (void)snprintf(name, sizeof(name), "m%u", number);
    (void)snprintf(address, sizeof(address), "2001:db8::%x", number);
    struct member member;
    member_defaults(&member);
    (void)snprintf(member.label, sizeof(member.label), "%s", name);
    (void)snprintf(member.contact, sizeof(member.contact), "%s", contact);
    member.addresses[member.address_count++] = address_of(address);
    assert_ok(registry_add(at(now), &member, true));
    assert_ok(registry_member(txn, name, &member));
    struct member_health row = { .member_id = member.id, .vantage = "local", .stage = stage };
    row.stage_since = since;
    row.address_count = 1;
    row.addresses[0] = (struct address_health){ .address = member.addresses[0],
                                                .probes = 100,
                                                .first_probe_at = now - 999999,
                                                .last_probe_at = now,
                                                .failure = FAILURE_CONNECT_TIMEOUT };
    row.family[ADDRESS_IPV6] = (struct family_health){ stage, since, 0, 0 };
    assert_ok(health_put(health_txn, &row, &diag));
}

/* Commits both stores and closes them: a process opens a store once. */
static void finish(void)
{
    assert_ok(registry_commit(at(now)));
    assert_ok(store_commit(health_txn, &diag));
    store_close(store);
    store_close(health);
    noticelist_done(&list);
    assert_ok(noticelist_read(&list, &cli));
}

static void read_again(void)
{
    noticelist_done(&list);
    assert_ok(noticelist_read(&list, &cli));
}

static void reopen(void)
{
    assert_ok(store_open(&store, dir, STORE_REGISTRY, true, &diag));
    assert_ok(store_open(&health, dir, STORE_HEALTH, true, &diag));
    begin();
    assert_ok(store_write(health, &health_txn, &diag));
}

static int end_pool(void **)
{
    noticelist_done(&list);
    return remove_dir();
}

static void pool_that_fails_at_once_is_told_nothing_until_the_operator_says_so(void **)
{
    char contact[64];
    for (unsigned i = 1; i <= MANY; i++) {
        (void)snprintf(contact, sizeof(contact), "c%u@example.net", i);
        add(i, contact, STAGE_INELIGIBLE, now - 5 * HOUR);
    }
    add(MANY + 1, "", STAGE_ELIGIBLE, now - 5 * HOUR);
    vantage_that(now - 5 * HOUR, 0);
    finish();
    assert_int_equal(list.count, 0);
    assert_false(list.trusted);
    reopen();
    vantage_that(now - 5 * HOUR, now);
    finish();
    assert_true(list.trusted);
    assert_int_equal(list.count, MANY);
}

static void nobody_is_told_while_nobody_is_eligible(void **)
{
    add(1, "a@example.net", STAGE_INELIGIBLE, now - 5 * HOUR);
    vantage_that(0, 0);
    finish();
    assert_int_equal(list.count, 0);
    reopen();
    add(2, "", STAGE_ELIGIBLE, now - 5 * HOUR);
    finish();
    assert_int_equal(list.count, 1);
}

static void member_without_contact_is_left_out(void **)
{
    add(1, "", STAGE_INELIGIBLE, now - 5 * HOUR);
    add(2, "", STAGE_ELIGIBLE, now - 5 * HOUR);
    vantage_that(0, 0);
    finish();
    assert_true(list.trusted);
    assert_int_equal(list.count, 0);
}

static void contact_rests_after_a_mail_also_for_its_other_members(void **)
{
    add(1, "a@example.net", STAGE_INELIGIBLE, now - 5 * HOUR);
    add(2, "b@example.net", STAGE_INELIGIBLE, now - 5 * HOUR);
    add(3, "a@example.net", STAGE_INELIGIBLE, now - 5 * HOUR);
    add(4, "", STAGE_ELIGIBLE, now - 5 * HOUR);
    add(5, "a@example.net", STAGE_INELIGIBLE, now - 1 * HOUR);
    vantage_that(0, 0);
    finish();
    assert_int_equal(list.count, 3);
    assert_int_equal(noticelist_same_contact(&list, 0), 2);
    assert_int_equal(noticelist_same_contact(&list, 2), 1);
    assert_string_equal(list.items[0].member.label, "m1");
    assert_string_equal(list.items[1].member.label, "m3");
    assert_ok(noticelist_ready(list.items, 1, &cli));
    read_again();
    assert_int_equal(list.count, 3);
    assert_ok(noticelist_told(&list, list.items, 1, &cli));
    read_again();
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].member.contact, "b@example.net");
}

static void keep_text(const struct history_event *event, void *arg)
{
    (void)snprintf(arg, EVENT_ROOM, "%s: %s", event->who, event->text);
}

static void what_was_told_is_in_the_members_log(void **)
{
    char text[EVENT_ROOM] = "";
    add(1, "a@example.net", STAGE_INELIGIBLE, now - 5 * HOUR);
    add(2, "", STAGE_ELIGIBLE, now - 5 * HOUR);
    vantage_that(0, 0);
    finish();
    assert_ok(noticelist_told(&list, list.items, list.count, &cli));
    reopen();
    assert_ok(history_events(health_txn, "m1", keep_text, text));
    assert_string_equal(text, "notices: its contact was sent a mail: out");
    finish();
}

static void memory_stays_with_a_removed_member_and_goes_with_its_tombstone(void **)
{
    add(1, "a@example.net", STAGE_INELIGIBLE, now - 5 * HOUR);
    add(2, "", STAGE_ELIGIBLE, now - 5 * HOUR);
    vantage_that(0, 0);
    finish();
    assert_ok(noticelist_told(&list, list.items, list.count, &cli));
    reopen();
    assert_ok(registry_remove(at(now), "m1", now + 1));
    finish();
    assert_false(list.stale);
    assert_ok(noticelist_purge(&list, &cli));
    reopen();
    assert_int_equal(store_count(health_txn, TABLE_NOTICES), 1);
    /* also deletes what is over */
    assert_ok(registry_remove(at(now + REGISTRY_TOMBSTONE_S), "m2", now + 20));
    finish();
    assert_true(list.stale);
    assert_ok(noticelist_purge(&list, &cli));
    reopen();
    assert_int_equal(store_count(health_txn, TABLE_NOTICES), 0);
    finish();
}

static void member_that_is_there_again_was_not_removed(void **)
{
    struct member member;
    vantage_that(0, 0);
    add(1, "a@x.example", STAGE_ELIGIBLE, now - 5 * HOUR);
    add(2, "a@x.example", STAGE_ELIGIBLE, now - 5 * HOUR);
    assert_ok(registry_remove(at(now), "m1", now + HOUR));
    assert_ok(registry_remove(at(now), "m2", now)); /* anybody may have the name */
    assert_ok(registry_restore(at(now), "m1", &member));
    finish();
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].member.label, "m2");
    assert_int_equal(list.items[0].due, 1U << NOTICE_REMOVED);
    reopen();
    member_defaults(&member); /* m2 comes back as a new member */
    strcpy(member.label, "m2");
    member.addresses[member.address_count++] = address_of("2001:db8::2");
    assert_ok(registry_add(at(now), &member, true));
    finish();
    assert_int_equal(list.count, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin_pool, end_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(pool_that_fails_at_once_is_told_nothing_until_the_operator_says_so),
        CASE(nobody_is_told_while_nobody_is_eligible),
        CASE(member_without_contact_is_left_out),
        CASE(contact_rests_after_a_mail_also_for_its_other_members),
        CASE(what_was_told_is_in_the_members_log),
        CASE(memory_stays_with_a_removed_member_and_goes_with_its_tombstone),
        CASE(member_that_is_there_again_was_not_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
