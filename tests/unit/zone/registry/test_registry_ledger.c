#include "tests/unit/registry_fixture.h"
#include "zone/registry/registry_ledger.h"

static struct ledgerrow_digest root_of_all(void)
{
    struct ledgerrow_digest root;
    assert_ok(registry_ledger_root(txn, &root));
    return root;
}

static struct registry_fleet_row row_of(const char *name, const char *value)
{
    struct registry_fleet_row row = { .gone = value == NULL };
    assert_ok(ledgerrow_name(&row.name, LEDGERROW_SETTING, name, strlen(name)));
    if (value != NULL) {
        row.value = (struct octets){ (const uint8_t *)value, strlen(value) };
    }
    return row;
}

static bool is_same(const struct ledgerrow_digest *a, const struct ledgerrow_digest *b)
{
    return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

static void position_is_read_as_it_was_put(void **)
{
    struct ledgerhead_position position = { .cluster = 7, .revision = 1234 }, found;
    position.head.epoch = 1;
    position.head.seq = 42;
    (void)snprintf(position.head.writer, sizeof(position.head.writer), "ams1");
    assert_int_equal(registry_position(txn, &found), RESULT_NOT_FOUND);
    assert_ok(registry_put_position(&change, &position));
    assert_ok(registry_position(txn, &found));
    assert_memory_equal(&found, &position, sizeof(found));
}

static void position_that_is_none_is_damaged(void **)
{
    struct ledgerhead_position found;
    assert_ok(store_put(txn, TABLE_META, "position", 8, "\1\0\0", 3));
    assert_int_equal(registry_position(txn, &found), RESULT_DAMAGED);
    assert_ok(store_put(txn, TABLE_META, "position", 8, "\2\0\0", 3));
    assert_int_equal(registry_position(txn, &found), RESULT_DAMAGED); /* cut within the revision */
}

static void root_is_that_of_the_rows_whatever_the_way_to_them(void **)
{
    assert_ok(registry_ledger_build(&change));
    struct ledgerrow_digest before = root_of_all();
    const struct registry_fleet_row one = row_of("srv-ttl", "77s"), other = row_of("a", "b"),
                                    gone = row_of("a", NULL);
    assert_ok(registry_ledger_note(&change, &one, 1));
    struct ledgerrow_digest after = root_of_all();
    assert_false(is_same(&before, &after));
    assert_ok(registry_ledger_note(&change, &other, 1));
    struct ledgerrow_digest with = root_of_all();
    assert_false(is_same(&after, &with));
    assert_ok(registry_ledger_note(&change, &gone, 1));
    struct ledgerrow_digest without = root_of_all();
    assert_true(is_same(&after, &without));
    /* the last word counts */
    const struct registry_fleet_row both[] = { gone, other, gone };
    assert_ok(registry_ledger_note(&change, both, 3));
    without = root_of_all();
    assert_true(is_same(&after, &without));
    assert_ok(registry_ledger_build(&change)); /* of the real rows: "77s" was never written */
    struct ledgerrow_digest again = root_of_all();
    assert_true(is_same(&before, &again));
}

static void machine_that_leaves_keeps_its_rows(void **)
{
    struct ledgerhead_position position = { .head = { .seq = 1, .writer = "a" } };
    struct ledgerrow_digest root;
    size_t settings = store_count(txn, TABLE_SETTINGS);
    assert_ok(registry_ledger_build(&change));
    assert_ok(registry_put_position(&change, &position));
    assert_ok(registry_drop_position(&change));
    assert_int_equal(registry_position(txn, &position), RESULT_NOT_FOUND);
    assert_int_equal(store_count(txn, TABLE_LEDGER), 0);
    assert_int_equal(store_count(txn, TABLE_SETTINGS), settings);
    assert_int_equal(registry_ledger_root(txn, &root), RESULT_DAMAGED);
}

static void digest_that_is_none_is_damage(void **)
{
    struct ledgerrow_digest root;
    const struct registry_fleet_row row = row_of("srv-ttl", "77s");
    assert_ok(registry_ledger_build(&change));
    uint8_t key[2] = { ledgerrow_bucket(&row.name), 7 };
    assert_ok(store_put(txn, TABLE_LEDGER, key, 1, "short", 5));
    assert_int_equal(registry_ledger_root(txn, &root), RESULT_DAMAGED);
    assert_ok(store_put(txn, TABLE_LEDGER, key, 2, "short", 5));
    assert_int_equal(registry_ledger_note(&change, &row, 1), RESULT_DAMAGED);
}

static void digests_are_mended_when_they_are_built_again(void **)
{
    const struct registry_fleet_row gone = row_of("a", "b"), real = row_of("srv-ttl", "77s");
    uint8_t key[2] = { 0, 7 };
    assert_ok(registry_ledger_build(&change));
    struct ledgerrow_digest before = root_of_all(), place, again;
    size_t count = store_count(txn, TABLE_LEDGER);
    /* a digest of no row, one that is none, a wrong one, and a missing one */
    assert_ok(registry_ledger_note(&change, &gone, 1));
    assert_ok(store_put(txn, TABLE_LEDGER, key, 2, "short", 5));
    assert_ok(registry_ledger_build(&change));
    again = root_of_all();
    assert_true(is_same(&before, &again));
    assert_int_equal(store_count(txn, TABLE_LEDGER), count);
    assert_ok(store_put(txn, TABLE_SETTINGS, "srv-ttl", 7, "77s", 3));
    assert_ok(registry_ledger_build(&change));
    struct ledgerrow_digest with = root_of_all();
    assert_false(is_same(&before, &with));
    ledgerrow_place(&place, &real.name);
    assert_ok(store_put(txn, TABLE_LEDGER, place.octets, sizeof(place.octets), before.octets,
                        sizeof(before.octets)));
    assert_ok(registry_ledger_build(&change));
    again = root_of_all();
    assert_true(is_same(&with, &again));
    assert_ok(store_delete(txn, TABLE_LEDGER, place.octets, sizeof(place.octets)));
    assert_ok(registry_ledger_build(&change));
    again = root_of_all();
    assert_true(is_same(&with, &again));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(position_is_read_as_it_was_put),
        CASE(position_that_is_none_is_damaged),
        CASE(root_is_that_of_the_rows_whatever_the_way_to_them),
        CASE(machine_that_leaves_keeps_its_rows),
        CASE(digest_that_is_none_is_damage),
        CASE(digests_are_mended_when_they_are_built_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
