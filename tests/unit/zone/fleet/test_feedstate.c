#include "tests/unit/store_fixture.h"
#include "zone/fleet/feedstate.h"

static void a_state_is_read_back_and_a_damaged_one_refused(void **)
{
    struct diag diag = { "" };
    struct store *store = NULL;
    struct store_txn *txn = NULL;
    struct feedstate state = { .at = 10,
                               .started_at = 3,
                               .trouble = FEEDSTATE_BEHIND,
                               .since = 7,
                               .why = "slow",
                               .epoch = 1,
                               .engine_epoch = 2,
                               .seq = 8,
                               .engine_seq = 9,
                               .resyncs = 4 },
                     again;
    assert_ok(store_create(dir, STORE_FLEET, &diag));
    assert_ok(store_open(&store, dir, STORE_FLEET, true, &diag));
    assert_ok(store_write(store, &txn, &diag));
    assert_int_equal(feedstate_get(txn, &again), RESULT_NOT_FOUND);
    assert_ok(feedstate_put(txn, &state));
    assert_ok(feedstate_get(txn, &again));
    assert_true(again.at == 10 && again.started_at == 3 && again.since == 7);
    assert_int_equal(again.trouble, FEEDSTATE_BEHIND);
    assert_string_equal(feedstate_text(again.trouble), "behind");
    assert_string_equal(again.why, "slow");
    assert_true(again.epoch == 1 && again.engine_epoch == 2 && again.seq == 8);
    assert_true(again.engine_seq == 9 && again.resyncs == 4);
    memset(state.why, 'x', sizeof(state.why) - 1);
    assert_ok(feedstate_put(txn, &state));
    assert_ok(feedstate_get(txn, &again));
    assert_ok(store_put(txn, TABLE_FEED, "ledger", 6, "\1x", 2));
    assert_int_equal(feedstate_get(txn, &again), RESULT_DAMAGED);
    assert_ok(store_put(txn, TABLE_FEED, "ledger", 6, "\2", 1));
    assert_int_equal(feedstate_get(txn, &again), RESULT_NEWER);
    store_abort(txn);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_state_is_read_back_and_a_damaged_one_refused, make_dir,
                                        remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
