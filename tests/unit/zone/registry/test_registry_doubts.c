#include "tests/unit/registry_fixture.h"
#include "zone/registry/registry_doubts.h"
#include "zone/registry/registry_ledger.h"

static struct ledgerhead head_of(uint64_t seq)
{
    struct ledgerhead head = { .epoch = 1, .seq = seq, .at = NOW, .writer = "ams1" };
    memset(head.change, (int)seq, sizeof(head.change));
    return head;
}

static void put(const struct doubts *doubts)
{
    assert_ok(registry_put_doubts(&change, doubts));
}

static void doubts_are_read_as_they_were_written(void **)
{
    struct doubts doubts = { .count = 0 }, found;
    for (uint64_t seq = 7; seq < 9; seq++) {
        struct ledgerhead head = head_of(seq);
        registry_doubts_add(&doubts, &head, (uint32_t)seq * 1000, "member remove alice");
    }
    put(&doubts);
    registry_doubts(txn, &found);
    assert_int_equal(found.count, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_memory_equal(&found.list[i].head, &doubts.list[i].head, sizeof(struct ledgerhead));
        assert_int_equal(found.list[i].asked_by, (7 + i) * 1000);
        assert_string_equal(found.list[i].command, "member remove alice");
        assert_ptr_equal(registry_doubts_find(&found, &doubts.list[i].head), &found.list[i]);
    }
    const struct ledgerhead other = head_of(9);
    assert_null(registry_doubts_find(&found, &other));
}

static void oldest_is_forgotten_when_there_are_too_many(void **)
{
    struct doubts doubts = { .count = 0 };
    for (uint64_t seq = 1; seq <= DOUBTS_MAX + 2; seq++) {
        struct ledgerhead head = head_of(seq);
        registry_doubts_add(&doubts, &head, 0, "");
    }
    put(&doubts);
    registry_doubts(txn, &doubts);
    assert_int_equal(doubts.count, DOUBTS_MAX);
    assert_int_equal(doubts.list[0].head.seq, 3);
    assert_int_equal(doubts.list[DOUBTS_MAX - 1].head.seq, DOUBTS_MAX + 2);
}

static void long_command_is_cut_off(void **)
{
    struct doubts doubts = { .count = 0 };
    char command[3 * DOUBT_COMMAND_ROOM];
    struct ledgerhead head = head_of(1);
    memset(command, 'a', sizeof(command) - 1);
    command[sizeof(command) - 1] = '\0';
    for (unsigned i = 0; i < DOUBTS_MAX; i++) {
        registry_doubts_add(&doubts, &head, 0, command);
    }
    put(&doubts);
    registry_doubts(txn, &doubts);
    assert_int_equal(doubts.count, DOUBTS_MAX);
    assert_int_equal(strlen(doubts.list[0].command), DOUBT_COMMAND_ROOM - 1);
}

static void settled_doubt_goes_and_the_others_stay(void **)
{
    struct doubts doubts = { .count = 0 };
    for (uint64_t seq = 1; seq <= 3; seq++) {
        struct ledgerhead head = head_of(seq);
        registry_doubts_add(&doubts, &head, 0, "");
    }
    put(&doubts);
    registry_doubts_drop(&doubts, 1);
    put(&doubts);
    registry_doubts(txn, &doubts);
    assert_int_equal(doubts.count, 2);
    assert_int_equal(doubts.list[0].head.seq, 1);
    assert_int_equal(doubts.list[1].head.seq, 3);
    doubts.count = 0;
    put(&doubts);
    put(&doubts);
    registry_doubts(txn, &doubts);
    assert_int_equal(doubts.count, 0);
}

static void machine_that_leaves_its_fleet_has_no_doubts(void **)
{
    struct doubts doubts = { .count = 0 };
    struct ledgerhead head = head_of(1);
    registry_doubts_add(&doubts, &head, 0, "");
    put(&doubts);
    assert_ok(registry_drop_position(&change));
    registry_doubts(txn, &doubts);
    assert_int_equal(doubts.count, 0);
}

static void row_that_can_not_be_read_has_none(void **)
{
    static const char *const rows[] = { "", "\3", "\2\1", "\2\xff\xff", "\2\1\1abc" };
    struct doubts doubts;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_ok(store_put(txn, TABLE_META, "doubts", 6, rows[i], strlen(rows[i])));
        doubts.count = 1;
        registry_doubts(txn, &doubts);
        assert_int_equal(doubts.count, 0);
    }
}

#define REGISTRY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REGISTRY_TEST(doubts_are_read_as_they_were_written),
        REGISTRY_TEST(oldest_is_forgotten_when_there_are_too_many),
        REGISTRY_TEST(long_command_is_cut_off),
        REGISTRY_TEST(settled_doubt_goes_and_the_others_stay),
        REGISTRY_TEST(machine_that_leaves_its_fleet_has_no_doubts),
        REGISTRY_TEST(row_that_can_not_be_read_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
