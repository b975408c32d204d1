#include "tests/unit/store_fixture.h"
#include "tools/site/sitehistory.h"

enum {
    HOUR = 3600,
    DAY = 86400,
    MIDNIGHT = 20000 * DAY,
    NOW = MIDNIGHT + 5 * HOUR + 60
};

static struct sitehistory history;
static struct diag diag;

static int set_up(void **state)
{
    assert_int_equal(make_dir(state), 0);
    assert_ok(store_create(dir, STORE_HISTORY, &diag));
    assert_ok(store_create(dir, STORE_TRAFFIC, &diag));
    return 0;
}

static void note_members(uint64_t at, uint32_t eligible, uint32_t registered)
{
    struct store *store;
    struct store_txn *txn;
    struct poolhistory_counts *counts = calloc(1, sizeof(*counts));
    assert_non_null(counts);
    counts->hour = (struct poolhistory_hour){
        .at = at,
        .eligible = eligible,
        .states = { [STAGE_ELIGIBLE] = eligible, [STAGE_REGISTERED] = registered },
        .family = { [ADDRESS_IPV4] = { .eligible = 4 }, [ADDRESS_IPV6] = { .eligible = 6 } },
    };
    counts->day.at = at;
    assert_ok(store_open(&store, dir, STORE_HISTORY, true, &diag));
    assert_ok(store_write(store, &txn, &diag));
    assert_ok(poolhistory_note(txn, counts));
    assert_ok(store_commit(txn, &diag));
    store_close(store);
    free(counts);
}

static void note_queries(uint64_t at, uint64_t queries)
{
    struct store *store;
    struct store_txn *txn;
    struct traffic traffic = { 0 };
    assert_ok(store_open(&store, dir, STORE_TRAFFIC, true, &diag));
    assert_ok(store_write(store, &txn, &diag));
    assert_ok(traffic_load(&traffic, txn, &diag));
    traffic_add_totals(&traffic, queries, queries / 2, at);
    assert_ok(traffic_save(&traffic, txn, &diag));
    assert_ok(store_commit(txn, &diag));
    traffic_done(&traffic);
    store_close(store);
}

static const struct sitehistory_day *day(unsigned ago)
{
    return &history.days[SITEHISTORY_DAYS - 1 - ago];
}

static void the_last_count_of_a_day_stays(void **)
{
    note_members(MIDNIGHT - 2 * HOUR, 10, 1);
    note_members(MIDNIGHT - HOUR, 11, 2);
    note_members(MIDNIGHT + HOUR, 12, 3);
    assert_ok(sitehistory_read(&history, dir, NOW, &diag));
    assert_int_equal(history.first, NOW / DAY - SITEHISTORY_DAYS + 1);
    assert_true(day(0)->counted && day(1)->counted && !day(2)->counted && !day(0)->asked);
    assert_int_equal(day(1)->eligible, 11);
    assert_int_equal(day(1)->members, 13);
    assert_int_equal(day(0)->members, 15);
    assert_int_equal(day(0)->eligible_in[ADDRESS_IPV4], 4);
    assert_int_equal(day(0)->eligible_in[ADDRESS_IPV6], 6);
}

static void queries_of_a_day_are_added_up_and_hours_are_whole(void **)
{
    note_queries(MIDNIGHT - HOUR, 100);
    note_queries(MIDNIGHT + 3 * HOUR, 10);
    note_queries(NOW, 7); /* of an hour that is not over */
    assert_ok(sitehistory_read(&history, dir, NOW, &diag));
    assert_true(day(0)->asked && day(1)->asked && !day(1)->counted);
    assert_int_equal(day(1)->queries, 100);
    assert_int_equal(day(1)->answers, 50);
    assert_int_equal(day(0)->queries, 17);
    assert_true(history.hour_count > 0);
    for (size_t i = 0; i < history.hour_count; i++) {
        assert_true(history.hours[i].at + HOUR <= NOW);
        assert_true(i == 0 || history.hours[i].at > history.hours[i - 1].at);
    }
    const struct traffic_hour *last = &history.hours[history.hour_count - 1];
    assert_int_equal(last->at, MIDNIGHT + 4 * HOUR);
    assert_int_equal(last[-1].queries, 10);
}

static void hours_reach_back_two_weeks(void **)
{
    note_queries(MIDNIGHT - 20 * DAY, 5);
    for (unsigned back = 16; back > 0; back--) {
        note_queries(MIDNIGHT - back * DAY + 6 * HOUR, back);
    }
    assert_ok(sitehistory_read(&history, dir, NOW, &diag));
    assert_int_equal(day(20)->queries, 5);
    assert_true(history.hour_count <= SITEHISTORY_HOURS);
    assert_true(history.hours[0].at + (uint64_t)SITEHISTORY_HOURS * HOUR >= NOW);
}

static void a_pool_without_counts_has_an_empty_history(void **)
{
    assert_ok(sitehistory_read(&history, dir, NOW, &diag));
    assert_int_equal(history.hour_count, 0);
    for (unsigned i = 0; i < SITEHISTORY_DAYS; i++) {
        assert_false(day(i)->counted || day(i)->asked);
    }
    assert_ok(sitehistory_read(&history, dir, 0, &diag)); /* a clock that was never set */
}

static void a_store_that_is_missing_is_an_error(void **)
{
    assert_int_not_equal((int)sitehistory_read(&history, "/nonexistent", NOW, &diag), RESULT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_count_of_a_day_stays, set_up, remove_dir),
        cmocka_unit_test_setup_teardown(queries_of_a_day_are_added_up_and_hours_are_whole, set_up,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(hours_reach_back_two_weeks, set_up, remove_dir),
        cmocka_unit_test_setup_teardown(a_pool_without_counts_has_an_empty_history, set_up,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_store_that_is_missing_is_an_error, set_up, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
