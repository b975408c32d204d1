#include "server/state/tally.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

static struct pool_fixture pool;
static struct traffic traffic;
static struct usage usage;

static int set_up(void **state)
{
    (void)state;
    struct locations *locations = NULL;
    struct diag diag;
    assert_ok(
        locations_load(&locations, (const char *const[]){ TEST_DATA "/places.mmdb" }, 1, &diag));
    pool_fixture_init(&pool, locations);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    traffic_done(&traffic);
    usage_done(&usage);
    pool_fixture_done(&pool);
    return 0;
}

static uint64_t told(uint64_t member_id)
{
    return traffic_answers(&traffic, member_id, 24, FIXTURE_NOW);
}

/* Takes turns and notes, as an answer does, whom each gives. */
static void take(struct tally *tally, uint16_t area, unsigned turns, uint64_t *given)
{
    const struct candidate *list = pool.view->deal->roster.list;
    for (unsigned i = 0; i < turns; i++) {
        struct tally_due due;
        uint32_t turn = tally_turn(tally, area, TALLY_NO_CELL, &due);
        struct srv_choice choice = view_srv(pool.view, area, turn);
        tally_sent(&due);
        for (unsigned k = 0; choice.set != NULL && k < choice.set->count; k++) {
            given[list[choice.set->members[k]].member_id]++;
        }
    }
}

static void answers_of_members_follow_from_turns(void **state)
{
    (void)state;
    static const uint32_t starts[] = { 0, 5, UINT32_MAX - 20 };
    for (unsigned s = 0; s < 3; s++) {
        struct tally *tally = tally_new(pool.view, starts[s]);
        uint64_t given[8] = { 0 };
        traffic_done(&traffic);
        for (unsigned round = 1; round < 40; round += 13) {
            for (unsigned area = 0; area < pool.view->deal->area_count; area++) {
                take(tally, (uint16_t)area, round + area, given);
            }
            tally_tell(tally, &traffic, &usage, FIXTURE_NOW);
            tally_tell(tally, &traffic, &usage, FIXTURE_NOW);
            for (uint64_t id = 1; id <= 3; id++) {
                assert_true(given[id] > 0);
                assert_int_equal(told(id), given[id]);
            }
        }
        tally_unref(tally);
    }
}

/* By however many tallies; what comes in late of an earlier deal is no longer its business. */
static void usage_is_what_the_newest_deal_was_asked_for(void **state)
{
    (void)state;
    struct tally *tallies[] = { tally_new(pool.view, 0), tally_new(pool.view, 9) };
    uint64_t given[8] = { 0 };
    for (unsigned t = 0; t < 2; t++) {
        take(tallies[t], 0, 5, given);
        take(tallies[t], 1, 2, given);
        tally_tell(tallies[t], &traffic, &usage, FIXTURE_NOW);
        tally_tell(tallies[t], &traffic, &usage, FIXTURE_NOW);
    }
    assert_int_equal(usage.round, pool.view->deal->round);
    assert_int_equal(usage.area_count, pool.view->deal->area_count);
    assert_int_equal(usage.asked[0], 10);
    assert_int_equal(usage.asked[1], 4);
    struct usage copy = usage_copy(&usage);
    assert_int_equal(copy.round, usage.round);
    assert_int_equal(copy.area_count, usage.area_count);
    assert_int_equal(copy.asked[1], 4);
    usage_done(&copy);
    assert_true(usage_turn_to(&usage, pool.view->deal->round + 1, 2));
    take(tallies[0], 0, 3, given);
    tally_tell(tallies[0], &traffic, &usage, FIXTURE_NOW);
    assert_int_equal(usage.area_count, 2);
    assert_int_equal(usage.asked[0], 0);
    assert_int_equal(told(1), given[1]);
    tally_unref(tallies[0]);
    tally_unref(tallies[1]);
}

static void an_area_with_nobody_counts_for_nobody(void **state)
{
    (void)state;
    struct tally *tally = tally_new(pool.view, 0);
    struct tally_due due;
    (void)tally_turn(tally, STEERING_NONE, 0, &due);
    tally_sent(&due);
    (void)tally_turn(tally, (uint16_t)pool.view->deal->area_count, 0, &due);
    tally_sent(&due);
    tally_tell(tally, &traffic, &usage, FIXTURE_NOW);
    assert_int_equal(traffic.member_count, 0);
    tally_unref(tally);
}

/* As when the rate limit drops it: the turn is the next one's, and nothing is told. */
static void what_is_not_sent_is_not_counted(void **state)
{
    (void)state;
    struct tally *tally = tally_new(pool.view, 7);
    struct tally_due due;
    assert_int_equal(tally_turn(tally, 0, 0, &due), 7);
    assert_int_equal(tally_turn(tally, 0, 0, &due), 7);
    tally_tell(tally, &traffic, &usage, FIXTURE_NOW);
    assert_int_equal(traffic.member_count, 0);
    assert_int_equal(traffic.cell_count, 0);
    tally_sent(&due);
    assert_int_equal(tally_turn(tally, 0, 0, &due), 8);
    tally_tell(tally, &traffic, &usage, FIXTURE_NOW);
    assert_int_equal(told(1), 1);
    assert_int_equal(traffic.cell_count, 1);
    tally_unref(tally);
}

static void ask_from(struct tally *tally, uint16_t cell)
{
    struct tally_due due;
    (void)tally_turn(tally, 0, cell, &due);
    tally_sent(&due);
}

static void queries_are_told_once_by_cell(void **state)
{
    (void)state;
    struct tally *tally = tally_new(pool.view, 0);
    size_t count = 0;
    const struct cell *cells = locations_cells(pool.view->places->locations, &count);
    assert_true(count > 2);
    ask_from(tally, 0);
    ask_from(tally, 2);
    ask_from(tally, 2);
    ask_from(tally, UINT16_MAX);
    tally_tell(tally, &traffic, &usage, FIXTURE_NOW);
    ask_from(tally, 2);
    tally_tell(tally, &traffic, &usage, FIXTURE_NOW);
    assert_int_equal(traffic.cell_count, 2);
    assert_true(traffic.cells[0].queries == 1 && traffic.cells[0].country[0] == '\0');
    assert_true(traffic.cells[1].queries == 3);
    assert_string_equal(traffic.cells[1].country, cells[2].country);
    assert_string_equal(traffic.cells[1].subdivision, cells[2].subdivision);
    tally_unref(tally);
}

static void a_tally_keeps_its_view(void **state)
{
    (void)state;
    unsigned refs = atomic_load(&pool.view->refs);
    struct tally *tally = tally_new(pool.view, 0);
    assert_int_equal(atomic_load(&pool.view->refs), refs + 1);
    tally_unref(tally_ref(tally));
    assert_int_equal(atomic_load(&pool.view->refs), refs + 1);
    tally_unref(tally);
    assert_int_equal(atomic_load(&pool.view->refs), refs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_of_members_follow_from_turns),
        TEST(usage_is_what_the_newest_deal_was_asked_for),
        TEST(an_area_with_nobody_counts_for_nobody),
        TEST(what_is_not_sent_is_not_counted),
        TEST(queries_are_told_once_by_cell),
        TEST(a_tally_keeps_its_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
