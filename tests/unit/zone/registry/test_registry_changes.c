#include "tests/unit/registry_fixture.h"

static uint64_t changed[REGISTRY_CHANGES_MAX];
static size_t count;

static uint64_t hash_of(const char *name)
{
    struct dname owner = name_of(name), apex = name_of("pool.test");
    struct dname_key key;
    dname_key_of(&key, &owner, &apex);
    return dname_key_hash(&key);
}

static bool is_changed(const char *name)
{
    uint64_t hash = hash_of(name);
    for (size_t i = 0; i < count; i++) {
        if (changed[i] == hash) {
            return true;
        }
    }
    return false;
}

static void add(const char *label, unsigned number)
{
    struct member member;
    member_defaults(&member);
    (void)snprintf(member.label, sizeof(member.label), "%s", label);
    member.address_count = 1;
    member.addresses[0] =
        address_from_ipv4((const uint8_t[]){ 198, 51, (uint8_t)(number >> 8), (uint8_t)number });
    assert_ok(registry_add(at(NOW), &member, true));
}

/* Commits the open transaction; returns the version that readers see from then on. */
static uint64_t committed(void)
{
    uint64_t version = store_version(txn);
    commit();
    return version;
}

/* The changes for a reader that last read version `since`. */
static enum result changes(uint64_t since)
{
    struct store_txn *read = NULL;
    assert_ok(store_read(store, &read, &diag));
    count = 0;
    enum result result = registry_changes(read, since, changed, &count);
    store_abort(read);
    return result;
}

static void neighbour_of_a_new_or_removed_name_is_told_too(void **)
{
    add("alice", 1);
    add("carol", 3);
    add("dave", 4);
    uint64_t before = committed();
    assert_ok(changes(before));
    assert_int_equal(count, 0);
    add("bob", 2);
    uint64_t with = committed();
    assert_ok(changes(before));
    assert_int_equal(count, 2);
    assert_true(is_changed("bob.pool.test") && is_changed("alice.pool.test"));
    assert_ok(registry_remove(at(NOW), "carol", NOW));
    (void)committed();
    assert_ok(changes(with));
    assert_int_equal(count, 2);
    assert_true(is_changed("carol.pool.test") && is_changed("bob.pool.test"));
    assert_ok(changes(before)); /* both, each name once */
    assert_int_equal(count, 3);
    assert_false(is_changed("dave.pool.test"));
}

static void update_of_a_member_is_told(void **)
{
    struct member member;
    add("alice", 1);
    add("bob", 2);
    uint64_t before = committed();
    assert_ok(registry_member(txn, "bob", &member));
    member.addresses[0] = address_from_ipv4((const uint8_t[]){ 192, 0, 2, 77 });
    assert_ok(registry_update(at(NOW), &member, true));
    (void)committed();
    assert_ok(changes(before));
    assert_true(is_changed("bob.pool.test"));
}

static void setting_changes_no_name(void **)
{
    uint64_t before = committed();
    assert_ok(registry_set(&change, "srv-count", "2"));
    (void)committed();
    assert_ok(changes(before));
    assert_int_equal(count, 0);
}

static void long_ago_can_not_be_told(void **)
{
    uint64_t before = committed();
    for (unsigned i = 0; i < REGISTRY_CHANGES_MAX; i++) {
        char label[16];
        (void)snprintf(label, sizeof(label), "m%03u", i);
        add(label, i);
        uint64_t last = committed();
        assert_ok(changes(last));
    }
    assert_int_equal(changes(before), RESULT_NOT_FOUND);
}

static void too_many_at_once_can_not_be_told(void **)
{
    uint64_t before = committed();
    for (unsigned i = 0; i <= REGISTRY_CHANGES_MAX; i++) {
        char label[16];
        (void)snprintf(label, sizeof(label), "m%03u", i);
        add(label, i);
    }
    uint64_t after = committed();
    assert_int_equal(changes(before), RESULT_NOT_FOUND);
    assert_ok(changes(after));
    assert_int_equal(count, 0);
    add("zoe", 1000);
    (void)committed();
    assert_ok(changes(after));
    assert_true(is_changed("zoe.pool.test"));
}

/* An older program keeps no change log. A store restored from a backup is older than a reader's
 * version. */
static void commits_past_the_journal_can_not_be_told(void **)
{
    uint64_t before = committed();
    add("alice", 1);
    assert_ok(store_commit(txn, &diag));
    begin();
    assert_int_equal(changes(before), RESULT_NOT_FOUND);
    uint64_t after = committed();
    assert_int_equal(changes(before), RESULT_NOT_FOUND); /* changes in between are unknown */
    assert_ok(changes(after));
    assert_int_equal(changes(after + 1), RESULT_NOT_FOUND);
    assert_ok(store_put(txn, TABLE_META, "changes", 7, "xxxxxxxxxxxxxxxxxxx", 19));
    assert_ok(store_commit(txn, &diag));
    begin();
    assert_int_equal(changes(after), RESULT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(neighbour_of_a_new_or_removed_name_is_told_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(update_of_a_member_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(setting_changes_no_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_ago_can_not_be_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_at_once_can_not_be_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(commits_past_the_journal_can_not_be_told, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
