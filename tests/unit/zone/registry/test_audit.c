#include "tests/unit/registry_fixture.h"
#include "zone/registry/audit.h"

static struct audit_entry entry_of(unsigned number)
{
    struct audit_entry entry = { .at = NOW + number };
    (void)snprintf(entry.who, sizeof(entry.who), "alice");
    (void)snprintf(entry.from, sizeof(entry.from), "192.0.2.1");
    (void)snprintf(entry.command, sizeof(entry.command), "member set");
    (void)snprintf(entry.subject, sizeof(entry.subject), "member%u", number);
    (void)snprintf(entry.change, sizeof(entry.change), "country NL -> DE");
    return entry;
}

struct seen {
    unsigned count, first, last;
};

static enum result see(const struct audit_entry *entry, void *arg)
{
    struct seen *seen = arg;
    unsigned number = (unsigned)(entry->at - NOW);
    const struct audit_entry wanted = entry_of(number);
    assert_memory_equal(&wanted, entry, sizeof(wanted));
    seen->first = seen->count == 0 ? number : seen->first;
    assert_true(seen->count == 0 || number == seen->last + 1);
    seen->last = number;
    seen->count++;
    return RESULT_OK;
}

static void entries_come_back_in_order(void **)
{
    struct seen seen = { 0 };
    for (unsigned i = 0; i < 300; i++) {
        const struct audit_entry entry = entry_of(i);
        assert_ok(audit_add(txn, &entry));
    }
    commit();
    assert_ok(audit_each(txn, see, &seen));
    assert_true(seen.count == 300 && seen.first == 0 && seen.last == 299);
}

static void oldest_go_when_there_are_too_many(void **)
{
    struct seen seen = { 0 };
    for (unsigned i = 0; i < AUDIT_MAX + 25; i++) {
        const struct audit_entry entry = entry_of(i);
        assert_ok(audit_add(txn, &entry));
    }
    assert_ok(audit_each(txn, see, &seen));
    assert_true(seen.count == AUDIT_MAX && seen.first == 25 && seen.last == AUDIT_MAX + 24);
}

static void longest_texts_fit(void **)
{
    struct audit_entry entry = { .at = 0 };
    memset(entry.who, 'w', sizeof(entry.who) - 1);
    memset(entry.from, 'f', sizeof(entry.from) - 1);
    memset(entry.command, 'c', sizeof(entry.command) - 1);
    memset(entry.subject, 's', sizeof(entry.subject) - 1);
    memset(entry.change, 'x', sizeof(entry.change) - 1);
    assert_ok(audit_add(txn, &entry));
}

static enum result count_one(const struct audit_entry *, void *arg)
{
    *(unsigned *)arg += 1;
    return RESULT_OK;
}

static void damaged_and_newer_rows_are_told_apart(void **)
{
    static const uint8_t key[8] = { 0, 0, 0, 0, 0, 0, 0, 9 };
    uint8_t row[64] = { 1 };
    unsigned count = 0;
    for (size_t len = 1; len < 19; len++) {
        assert_ok(store_put(txn, TABLE_AUDIT, key, sizeof(key), row, len));
        assert_int_equal(audit_each(txn, count_one, &count), RESULT_DAMAGED);
    }
    row[0] = 2;
    assert_ok(store_put(txn, TABLE_AUDIT, key, sizeof(key), row, 1));
    assert_int_equal(audit_each(txn, count_one, &count), RESULT_NEWER);
    assert_int_equal(count, 0);
}

/* A change outside the zone leaves the serial as it is, and answer caches keep their entries. */
static void entry_alone_leaves_the_zone_as_it_is(void **)
{
    struct settings before, after;
    uint64_t changes[REGISTRY_CHANGES_MAX];
    size_t count = 1;
    const struct audit_entry entry = entry_of(1);
    (void)added("alice", "192.0.2.1");
    commit();
    uint64_t since = store_version(txn) - 1;
    assert_ok(registry_settings(txn, &before, &diag));
    assert_ok(audit_add(txn, &entry));
    assert_ok(registry_commit_beside(&change));
    store_close(store);
    assert_ok(store_open(&store, dir, STORE_REGISTRY, true, &diag));
    struct store_txn *reader = NULL;
    assert_ok(store_read(store, &reader, &diag));
    assert_ok(registry_settings(reader, &after, &diag));
    assert_int_equal(after.serial, before.serial);
    assert_ok(registry_changes(reader, since, changes, &count));
    assert_int_equal(count, 0);
    store_abort(reader);
    begin();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_come_back_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(oldest_go_when_there_are_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(longest_texts_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_and_newer_rows_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(entry_alone_leaves_the_zone_as_it_is, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
