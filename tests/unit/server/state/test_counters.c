#include "server/state/counters.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

static struct pool_fixture pool;
static struct traffic traffic;
static struct demand demand;

static int set_up(void **)
{
    pool_fixture_init_located(&pool);
    return 0;
}

static int tear_down(void **)
{
    traffic_done(&traffic);
    demand_done(&demand);
    pool_fixture_done(&pool);
    return 0;
}

static uint64_t told(uint64_t member_id)
{
    return traffic_answers(&traffic, member_id, 24, FIXTURE_NOW);
}

/* Takes turns as an answer does, and counts the members that each turn gives. */
static void take(struct counters *counters, uint16_t area, unsigned turns, uint64_t *given)
{
    const struct candidate *list = pool.zone->deal->candidates.list;
    for (unsigned i = 0; i < turns; i++) {
        struct counters_due due;
        uint32_t turn = counters_turn(counters, area, COUNTERS_NO_CELL, &due);
        struct srv_choice choice = zone_state_srv(pool.zone, area, turn);
        counters_sent(&due);
        for (unsigned k = 0; choice.set != NULL && k < choice.set->count; k++) {
            given[list[choice.set->members[k]].member_id]++;
        }
    }
}

static void answers_of_members_follow_from_turns(void **)
{
    static const uint32_t starts[] = { 0, 5, UINT32_MAX - 20 };
    for (unsigned s = 0; s < 3; s++) {
        struct counters *counters = counters_new(pool.zone, starts[s]);
        uint64_t given[8] = { 0 };
        traffic_done(&traffic);
        for (unsigned round = 1; round < 40; round += 13) {
            for (unsigned area = 0; area < pool.zone->deal->area_count; area++) {
                take(counters, (uint16_t)area, round + area, given);
            }
            counters_tell(counters, &traffic, &demand, FIXTURE_NOW);
            counters_tell(counters, &traffic, &demand, FIXTURE_NOW);
            for (uint64_t id = 1; id <= 3; id++) {
                assert_true(given[id] > 0);
                assert_int_equal(told(id), given[id]);
            }
        }
        counters_unref(counters);
    }
}

/* The sum over any number of counters. Late counts of an earlier deal are not added. */
static void demand_has_the_answers_of_the_newest_deal(void **)
{
    struct counters *counters_list[] = { counters_new(pool.zone, 0), counters_new(pool.zone, 9) };
    uint64_t given[8] = { 0 };
    for (unsigned t = 0; t < 2; t++) {
        take(counters_list[t], 0, 5, given);
        take(counters_list[t], 1, 2, given);
        counters_tell(counters_list[t], &traffic, &demand, FIXTURE_NOW);
        counters_tell(counters_list[t], &traffic, &demand, FIXTURE_NOW);
    }
    assert_int_equal(demand.round, pool.zone->deal->round);
    assert_int_equal(demand.area_count, pool.zone->deal->area_count);
    assert_int_equal(demand.asked[0], 10);
    assert_int_equal(demand.asked[1], 4);
    struct demand copy = demand_copy(&demand);
    assert_int_equal(copy.round, demand.round);
    assert_int_equal(copy.area_count, demand.area_count);
    assert_int_equal(copy.asked[1], 4);
    demand_done(&copy);
    assert_true(demand_turn_to(&demand, pool.zone->deal->round + 1, 2));
    take(counters_list[0], 0, 3, given);
    counters_tell(counters_list[0], &traffic, &demand, FIXTURE_NOW);
    assert_int_equal(demand.area_count, 2);
    assert_int_equal(demand.asked[0], 0);
    assert_int_equal(told(1), given[1]);
    counters_unref(counters_list[0]);
    counters_unref(counters_list[1]);
}

static void an_area_with_nobody_counts_for_nobody(void **)
{
    struct counters *counters = counters_new(pool.zone, 0);
    struct counters_due due;
    (void)counters_turn(counters, STEERING_NONE, 0, &due);
    counters_sent(&due);
    (void)counters_turn(counters, (uint16_t)pool.zone->deal->area_count, 0, &due);
    counters_sent(&due);
    counters_tell(counters, &traffic, &demand, FIXTURE_NOW);
    assert_int_equal(traffic.member_count, 0);
    counters_unref(counters);
}

/* For example when the rate limit drops it: the next answer gets the same turn, and nothing is
 * counted. */
static void what_is_not_sent_is_not_counted(void **)
{
    struct counters *counters = counters_new(pool.zone, 7);
    struct counters_due due;
    assert_int_equal(counters_turn(counters, 0, 0, &due), 7);
    assert_int_equal(counters_turn(counters, 0, 0, &due), 7);
    counters_tell(counters, &traffic, &demand, FIXTURE_NOW);
    assert_int_equal(traffic.member_count, 0);
    assert_int_equal(traffic.cell_count, 0);
    counters_sent(&due);
    assert_int_equal(counters_turn(counters, 0, 0, &due), 8);
    counters_tell(counters, &traffic, &demand, FIXTURE_NOW);
    assert_int_equal(told(1), 1);
    assert_int_equal(traffic.cell_count, 1);
    counters_unref(counters);
}

static void ask_from(struct counters *counters, uint16_t cell)
{
    struct counters_due due;
    (void)counters_turn(counters, 0, cell, &due);
    counters_sent(&due);
}

static void queries_are_told_once_by_cell(void **)
{
    struct counters *counters = counters_new(pool.zone, 0);
    size_t count = 0;
    const struct cell *cells = locations_cells(pool.zone->places->locations, &count);
    assert_true(count > 2);
    ask_from(counters, 0);
    ask_from(counters, 2);
    ask_from(counters, 2);
    ask_from(counters, UINT16_MAX);
    counters_tell(counters, &traffic, &demand, FIXTURE_NOW);
    ask_from(counters, 2);
    counters_tell(counters, &traffic, &demand, FIXTURE_NOW);
    assert_int_equal(traffic.cell_count, 2);
    assert_true(traffic.cells[0].queries == 1 && traffic.cells[0].country[0] == '\0');
    assert_true(traffic.cells[1].queries == 3);
    assert_string_equal(traffic.cells[1].country, cells[2].country);
    assert_string_equal(traffic.cells[1].subdivision, cells[2].subdivision);
    counters_unref(counters);
}

static void counters_hold_their_zone_state(void **)
{
    unsigned refs = atomic_load(&pool.zone->refs);
    struct counters *counters = counters_new(pool.zone, 0);
    assert_int_equal(atomic_load(&pool.zone->refs), refs + 1);
    counters_unref(counters_ref(counters));
    assert_int_equal(atomic_load(&pool.zone->refs), refs + 1);
    counters_unref(counters);
    assert_int_equal(atomic_load(&pool.zone->refs), refs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_of_members_follow_from_turns),
        TEST(demand_has_the_answers_of_the_newest_deal),
        TEST(an_area_with_nobody_counts_for_nobody),
        TEST(what_is_not_sent_is_not_counted),
        TEST(queries_are_told_once_by_cell),
        TEST(counters_hold_their_zone_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
