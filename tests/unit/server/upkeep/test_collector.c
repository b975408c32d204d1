#include <pthread.h>

#include "server/upkeep/collector.h"
#include "tests/pool_fixture.h"
#include "tests/unit/peer_letters.h"
#include "zone/base/clock.h"

static struct pool_fixture pool;
static struct store *store;
static struct fleetstore *fleet;
static struct collector *collector;
static char logged[512];

static void log_line(int, const struct log_fields *, const char *text)
{
    (void)snprintf(logged, sizeof(logged), "%s", text);
}

static void open_collector(void)
{
    struct diag diag = { "" };
    const struct collector_sources sources = { pool.stores[0], store, fleet, log_line };
    assert_ok(collector_new(&collector, &sources, &diag));
}

static int set_up(void **)
{
    struct diag diag;
    pool_fixture_init(&pool, NULL);
    assert_ok(store_create(pool.state, STORE_TRAFFIC, &diag));
    assert_ok(store_open(&store, pool.state, STORE_TRAFFIC, true, &diag));
    logged[0] = '\0';
    fleet = fleetstore_new(pool.state, log_line);
    open_collector();
    return 0;
}

static int tear_down(void **)
{
    collector_free(collector);
    collector = NULL;
    fleetstore_free(fleet);
    store_close(store);
    pool_fixture_done(&pool);
    return 0;
}

static void answer(struct counters *counters, unsigned queries)
{
    for (unsigned i = 0; i < queries; i++) {
        struct counters_due due;
        (void)counters_turn(counters, 0, LOCATIONS_WORLD, &due);
        counters_sent(&due);
    }
}

/* The present contents of the store. */
static struct traffic stored(void)
{
    struct traffic traffic = { 0 };
    struct store_txn *txn = NULL;
    struct diag diag;
    assert_ok(store_read(store, &txn, &diag));
    assert_ok(traffic_load(&traffic, txn, &diag));
    store_abort(txn);
    return traffic;
}

static void assert_stored(uint64_t member_id, uint64_t answers, uint64_t now)
{
    struct traffic traffic = stored();
    assert_int_equal(traffic_answers(&traffic, member_id, 24, now), answers);
    traffic_done(&traffic);
}

static void a_used_up_budget_is_logged_once_a_spell(void **)
{
    uint64_t now = clock_now();
    struct counters *counters = collector_counters(collector, pool.zone);
    for (unsigned i = 0; i < 3; i++, now += 60) {
        counters_count(&counters->over_budget);
        collector_write(collector, now);
        assert_true((logged[0] != '\0') == (i == 0));
        logged[0] = '\0';
    }
    struct traffic traffic = stored();
    assert_int_equal(traffic.over_budget.answers, 3);
    traffic_done(&traffic);
    counters_unref(counters);
    collector_free(collector); /* the collector's last counts get the machine's time */
    open_collector();
    counters = collector_counters(collector, pool.zone);
    counters_count(&counters->over_budget);
    collector_write(collector, now + TRAFFIC_SPELL_S);
    assert_non_null(strstr(logged, "denial-budget"));
    counters_unref(counters);
}

static void counts_survive_a_restart(void **)
{
    uint64_t now = clock_now();
    struct counters *counters = collector_counters(collector, pool.zone);
    answer(counters, 16); /* all three members are in every set */
    collector_write(collector, now);
    assert_stored(1, 16, now);
    answer(counters, 4);
    counters_unref(counters);
    collector_free(collector);
    assert_stored(1, 20, now);
    open_collector();
    counters = collector_counters(collector, pool.zone);
    answer(counters, 8);
    struct demand demand = collector_demand(collector, NULL, now); /* including the latest counts */
    assert_true(demand.by_cell[0] > 27.9 && demand.by_cell[0] < 28.1);
    assert_int_equal(demand.asked[0], 8);
    collector_write(collector, now);
    assert_stored(3, 28, now);
    demand_done(&demand);
    counters_unref(counters);
    assert_string_equal(logged, "");
}

struct pool_hours {
    unsigned count;
    struct traffic_hour last;
};

static void see_hour(const struct traffic_hour *hour, void *arg)
{
    struct pool_hours *seen = arg;
    seen->last = *hour;
    seen->count++;
}

static void messages_and_answers_of_all_workers_are_kept_by_hour(void **)
{
    struct diag diag = { "" };
    struct worker *workers[2] = { xcalloc(1, sizeof(struct worker)),
                                  xcalloc(1, sizeof(struct worker)) };
    uint64_t now = clock_now();
    struct store_txn *txn = NULL;
    struct pool_hours seen = { 0 };
    struct counters *counters = collector_counters(collector, pool.zone);
    assert_ok(collector_start(collector, workers, 2, &diag));
    message_count(&workers[0]->handler.counters, MESSAGES_RECEIVED);
    message_count(&workers[1]->handler.counters, MESSAGES_RECEIVED + 2 * MESSAGE_TRANSPORTS - 1);
    answer(counters, 5);
    collector_write(collector, now);
    message_count(&workers[1]->handler.counters, MESSAGES_RECEIVED + 1);
    collector_stop(collector);
    free(workers[0]);
    free(workers[1]);
    counters_unref(counters);
    collector_free(collector);
    open_collector();
    assert_ok(store_read(store, &txn, &diag));
    assert_ok(traffic_hours(txn, now, now, see_hour, &seen));
    store_abort(txn);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.queries, 3);
    assert_int_equal(seen.last.answers, 5);
}

static void counters_that_their_worker_left_are_added_up_and_freed(void **)
{
    unsigned refs = atomic_load(&pool.zone->refs);
    struct counters *first = collector_counters(collector, pool.zone);
    answer(first, 5);
    counters_unref(first);
    struct counters *second = collector_counters(collector, pool.zone);
    assert_int_equal(atomic_load(&pool.zone->refs), refs + 1);
    answer(second, 3);
    counters_unref(second);
    collector_write(collector, clock_now());
    assert_int_equal(atomic_load(&pool.zone->refs), refs);
    assert_stored(2, 8, clock_now());
}

static void a_removed_member_s_counts_go(void **)
{
    struct registry_change change;
    struct diag diag;
    struct counters *counters = collector_counters(collector, pool.zone);
    answer(counters, 5);
    collector_write(collector, clock_now());
    assert_stored(2, 5, clock_now());
    fixture_begin(pool.stores[0], &change, &diag);
    assert_ok(registry_remove(&change, "bob", FIXTURE_NOW + 1));
    assert_ok(registry_commit(&change));
    collector_write(collector, clock_now());
    struct traffic traffic = stored();
    assert_int_equal(traffic.member_count, 2);
    traffic_done(&traffic);
    counters_unref(counters);
}

static void without_a_store_demand_is_known_all_the_same(void **)
{
    const struct collector_sources sources = { pool.stores[0], NULL, NULL, log_line };
    struct collector *forgetful = NULL;
    struct diag diag;
    assert_ok(collector_new(&forgetful, &sources, &diag));
    struct counters *counters = collector_counters(forgetful, pool.zone);
    answer(counters, 5);
    collector_write(forgetful, clock_now());
    struct demand demand = collector_demand(forgetful, NULL, clock_now());
    assert_true(demand.by_cell[0] > 4.9);
    demand_done(&demand);
    counters_unref(counters);
    collector_free(forgetful);
}

static double demanded(uint64_t now)
{
    struct demand demand = collector_demand(collector, NULL, now);
    double total = demand.by_cell[0];
    demand_done(&demand);
    return total;
}

static void demand_of_other_machines_counts_while_it_is_fresh(void **)
{
    struct diag diag;
    struct store *letters = NULL;
    uint64_t now = clock_now();
    struct counters *counters = collector_counters(collector, pool.zone);
    answer(counters, 10);
    collector_write(collector, now);
    assert_true(demanded(now) < 11);
    assert_ok(store_create(pool.state, STORE_FLEET, &diag));
    assert_ok(store_open(&letters, pool.state, STORE_FLEET, true, &diag));
    peer_letters_demand(letters, "sao1", "BR", 500, now);
    store_close(letters); /* a process opens a store once */
    counters_unref(counters);
    collector_free(collector);
    fleetstore_free(fleet);
    fleet = fleetstore_new(pool.state, log_line);
    open_collector();
    collector_write(collector, now);
    assert_true(demanded(now) > 509 && demanded(now) < 511);
    collector_write(collector, now + 301);
    assert_true(demanded(now + 301) < 10);
    assert_string_equal(logged, "");
}

static void counts_that_cannot_be_read_are_refused(void **)
{
    struct store_txn *txn = NULL;
    struct diag diag;
    struct collector *other = NULL;
    const struct collector_sources sources = { pool.stores[0], store, fleet, log_line };
    assert_ok(store_write(store, &txn, &diag));
    assert_ok(store_put(txn, TABLE_TRAFFIC, "\1", 1, "\1short", 6));
    assert_ok(store_commit(txn, &diag));
    assert_int_equal(collector_new(&other, &sources, &diag), RESULT_DAMAGED);
    assert_null(other);
    assert_ok(store_write(store, &txn, &diag));
    assert_ok(store_delete(txn, TABLE_TRAFFIC, "\1", 1));
    assert_ok(store_commit(txn, &diag));
}

static void the_thread_ends_when_it_is_told(void **)
{
    struct diag diag;
    assert_ok(collector_start(collector, NULL, 0, &diag));
    struct counters *counters = collector_counters(collector, pool.zone);
    answer(counters, 5);
    counters_unref(counters);
    collector_free(collector);
    assert_stored(1, 5, clock_now());
    open_collector();
}

static void *answer_all_the_time(void *arg)
{
    answer(arg, 100000);
    return NULL;
}

static void a_worker_counts_on_while_it_is_collected(void **)
{
    pthread_t thread;
    struct counters *counters = collector_counters(collector, pool.zone);
    assert_int_equal(pthread_create(&thread, NULL, answer_all_the_time, counters), 0);
    for (unsigned i = 0; i < 20; i++) {
        collector_write(collector, clock_now());
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    counters_unref(counters);
    collector_write(collector, clock_now());
    assert_stored(1, 100000, clock_now());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_and_answers_of_all_workers_are_kept_by_hour),
        TEST(counts_survive_a_restart),
        TEST(counters_that_their_worker_left_are_added_up_and_freed),
        TEST(a_removed_member_s_counts_go),
        TEST(without_a_store_demand_is_known_all_the_same),
        TEST(demand_of_other_machines_counts_while_it_is_fresh),
        TEST(counts_that_cannot_be_read_are_refused),
        TEST(a_used_up_budget_is_logged_once_a_spell),
        TEST(a_worker_counts_on_while_it_is_collected),
        TEST(the_thread_ends_when_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
