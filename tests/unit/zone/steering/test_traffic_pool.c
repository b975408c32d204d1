#include "tests/unit/store_fixture.h"
#include "zone/steering/traffic.h"

enum {
    HOUR = 3600,
    DAY = 86400,
    MIDNIGHT = 20000 * DAY
};

static struct store *store;
static struct store_txn *txn; /* all is written in one */
static struct traffic traffic;
static struct diag diag;

static int set_up(void **state)
{
    assert_int_equal(make_dir(state), 0);
    assert_ok(store_create(dir, STORE_TRAFFIC, &diag));
    assert_ok(store_open(&store, dir, STORE_TRAFFIC, true, &diag));
    assert_ok(store_write(store, &txn, &diag));
    return 0;
}

static int tear_down(void **state)
{
    traffic_done(&traffic);
    store_abort(txn);
    store_close(store);
    return remove_dir(state);
}

static void save(void)
{
    assert_ok(traffic_save(&traffic, txn, &diag));
}

static void load(void)
{
    traffic_done(&traffic);
    assert_ok(traffic_load(&traffic, txn, &diag));
}

struct pool_hours {
    unsigned count;
    uint64_t first_at, queries, answers;
    struct traffic_hour last;
};

static void see_hour(const struct traffic_hour *hour, void *arg)
{
    struct pool_hours *seen = arg;
    seen->first_at = seen->count++ == 0 ? hour->at : seen->first_at;
    assert_true(hour->at > seen->last.at);
    seen->last = *hour;
    seen->queries += hour->queries;
    seen->answers += hour->answers;
}

static struct pool_hours pool_hours(uint64_t since, uint64_t now)
{
    struct pool_hours seen = { 0 };
    assert_ok(traffic_hours(txn, since, now, see_hour, &seen));
    return seen;
}

static void what_all_clients_asked_is_kept_by_hour(void **)
{
    traffic_add_totals(&traffic, 50, 20, MIDNIGHT - HOUR);
    traffic_add_totals(&traffic, 5, 0, MIDNIGHT - 1);
    traffic_add_totals(&traffic, 3, 2, MIDNIGHT + HOUR); /* both days are written at once */
    save();
    load();
    traffic_add_totals(&traffic, 1, 1, MIDNIGHT + HOUR);
    save();
    struct pool_hours all = pool_hours(0, MIDNIGHT + HOUR);
    assert_int_equal(all.queries, 59);
    assert_int_equal(all.answers, 23);
    assert_int_equal(all.count, 26);
    assert_int_equal(all.last.at, MIDNIGHT + HOUR);
    assert_int_equal(all.last.queries, 4);
    struct pool_hours some = pool_hours(MIDNIGHT - 1, MIDNIGHT);
    assert_int_equal(some.count, 2);
    assert_int_equal(some.first_at, MIDNIGHT - HOUR);
    assert_int_equal(some.queries, 55);
    assert_int_equal(pool_hours(MIDNIGHT + 2 * HOUR, MIDNIGHT + 3 * HOUR).queries, 0);
}

static void hours_of_two_years_are_kept_and_no_more(void **)
{
    const uint64_t end = MIDNIGHT + UINT64_C(1000) * DAY;
    for (uint64_t at = MIDNIGHT; at < end; at += DAY) {
        traffic_add_totals(&traffic, 2, 1, at);
        save();
    }
    assert_int_equal(store_count(txn, TABLE_TRAFFIC), TRAFFIC_KEPT);
    assert_int_equal(pool_hours(0, end - DAY).answers, TRAFFIC_KEPT);
    assert_int_equal(pool_hours(0, end + UINT64_C(1000) * DAY).count, 0);
}

static void a_clock_that_was_ahead_does_no_lasting_harm(void **)
{
    traffic_add_totals(&traffic, 7, 7, MIDNIGHT + UINT64_C(4000) * DAY);
    save();
    load();
    traffic_add_totals(&traffic, 2, 1, MIDNIGHT);
    traffic_add_totals(&traffic, 2, 1, MIDNIGHT + DAY);
    save();
    load();
    assert_int_equal(pool_hours(0, MIDNIGHT + DAY).answers, 2);
}

static void a_row_that_cannot_be_read_is_called_damaged(void **)
{
    struct pool_hours seen = { 0 };
    traffic_add_totals(&traffic, 7, 7, MIDNIGHT);
    save();
    const uint8_t key[] = { 5, MIDNIGHT / DAY % TRAFFIC_KEPT >> 8,
                            MIDNIGHT / DAY % TRAFFIC_KEPT & 0xff };
    assert_ok(store_put(txn, TABLE_TRAFFIC, key, sizeof(key), "\1short", 6));
    assert_int_equal(traffic_hours(txn, MIDNIGHT, MIDNIGHT, see_hour, &seen), RESULT_DAMAGED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_all_clients_asked_is_kept_by_hour),
        TEST(hours_of_two_years_are_kept_and_no_more),
        TEST(a_clock_that_was_ahead_does_no_lasting_harm),
        TEST(a_row_that_cannot_be_read_is_called_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
