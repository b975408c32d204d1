#include <math.h>

#include "tests/unit/peer_letters.h"
#include "zone/fleet/fleettraffic.h"

enum {
    HOUR = 3600,
    NOW = 1700000000 - 1700000000 % HOUR + 600
};

static const struct cell cells[] = { { .addresses = 0 },
                                     { .country = "BR", .addresses = 100 },
                                     { .country = "DE", .addresses = 100 } };
enum {
    CELLS = sizeof(cells) / sizeof(cells[0]),
    BRAZIL = 1,
    GERMANY
};

static char dir[64];
static struct store *store;
static struct store_txn *txn;
static struct traffic own;
static struct fleettraffic fleet;
static struct fleettraffic_answers answers;
static struct diag diag;

static int set_up(void **)
{
    (void)snprintf(dir, sizeof(dir), "test_fleettraffic.XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_ok(store_create(dir, STORE_FLEET, &diag));
    assert_ok(store_open(&store, dir, STORE_FLEET, true, &diag));
    return 0;
}

static int tear_down(void **)
{
    char command[128];
    traffic_done(&own);
    fleettraffic_done(&fleet);
    fleettraffic_answers_done(&answers);
    store_close(store);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

static void ask_here(unsigned cell, uint32_t queries)
{
    uint32_t asked[CELLS] = { 0 };
    asked[cell] = queries;
    traffic_add_queries(&own, cells, asked, CELLS, NOW);
}

static void read_demand(const char *only)
{
    fleettraffic_done(&fleet);
    assert_ok(store_read(store, &txn, &diag));
    assert_ok(fleettraffic_read(&fleet, txn, only, traffic_total(&own, NOW), NOW));
    store_abort(txn);
}

static void read_answers(const char *only)
{
    fleettraffic_answers_done(&answers);
    assert_ok(store_read(store, &txn, &diag));
    assert_ok(fleettraffic_answers(&answers, txn, only, NOW));
    store_abort(txn);
}

static bool is_about(double value, double wanted)
{
    return fabs(value - wanted) < 1;
}

static double demanded(void)
{
    struct traffic sum = { 0 };
    fleettraffic_sum(&sum, &fleet, &own, NOW);
    double total = traffic_total(&sum, NOW);
    traffic_done(&sum);
    return total;
}

/* -- demand -- */

static void without_letters_our_own_demand_counts_alone(void **)
{
    ask_here(GERMANY, 500);
    read_demand(NULL);
    assert_int_equal(fleet.machines, 0);
    assert_true(is_about(demanded(), 500));
}

static void demand_of_all_machines_is_added_up(void **)
{
    struct traffic sum = { 0 };
    double by_cell[CELLS];
    ask_here(GERMANY, 5000);
    peer_letters_demand(store, "sao1", "BR", 7000, NOW);
    peer_letters_demand(store, "fra1", "DE", 1000, NOW - TRAFFIC_HALF_LIFE_S / 4);
    read_demand(NULL);
    assert_int_equal(fleet.machines, 2);
    fleettraffic_sum(&sum, &fleet, &own, NOW);
    traffic_demand(&sum, cells, CELLS, NOW, by_cell);
    assert_true(by_cell[BRAZIL] > 7000 && by_cell[BRAZIL] < 7500);
    assert_true(by_cell[GERMANY] > 5000 + 840 && by_cell[GERMANY] < 5000 + 840 + 500);
    traffic_done(&sum);
    read_demand("sao1");
    assert_int_equal(fleet.machines, 1);
    assert_true(is_about(traffic_total(&fleet.others, NOW), 7000));
}

static void old_demand_and_that_of_the_future_do_not_count(void **)
{
    ask_here(GERMANY, 500);
    peer_letters_demand(store, "a", "BR", 1000, NOW - FLEETTRAFFIC_DEMAND_S - 1);
    peer_letters_demand(store, "b", "BR", 1000, NOW + FLEETTRAFFIC_AHEAD_S + 1);
    read_demand(NULL);
    assert_int_equal(fleet.machines, 0);
    peer_letters_demand(store, "a", "BR", 1000, NOW - FLEETTRAFFIC_DEMAND_S);
    peer_letters_demand(store, "b", "BR", 1000, NOW + FLEETTRAFFIC_AHEAD_S);
    read_demand(NULL);
    assert_int_equal(fleet.machines, 2);
}

static void a_machine_that_lies_gets_a_quarter_of_the_sum(void **)
{
    ask_here(GERMANY, 300);
    peer_letters_demand(store, "a", "DE", 300, NOW);
    peer_letters_demand(store, "b", "DE", 300, NOW);
    peer_letters_demand(store, "liar", "BR", 4e9, NOW);
    read_demand(NULL);
    assert_true(fleet.own_factor == 1);
    assert_true(is_about(demanded(), 1200));
}

static void what_cannot_be_read_does_not_count(void **)
{
    const struct letter odd = { .kind = LETTER_DEMAND,
                                .machine = "odd",
                                .number = 1,
                                .made_at = NOW,
                                .text = { (const uint8_t *)"\1x", 2 } };
    const struct letter slice = { .kind = LETTER_ANSWERS,
                                  .machine = "odd",
                                  .subject = "60",
                                  .number = 1,
                                  .made_at = NOW,
                                  .text = { (const uint8_t *)"\1\0\0\0\0\0\0\0\0", 9 } };
    peer_letters_put(store, &odd);
    peer_letters_put(store, &slice);
    peer_letters_demand(store, "good", "DE", 300, NOW);
    read_demand(NULL);
    read_answers(NULL);
    assert_int_equal(fleet.machines, 1);
    assert_int_equal(answers.machines, 0);
}

/* -- answers -- */

static void answers_of_all_machines_are_added_up_by_member(void **)
{
    peer_letters_answers(store, "a", 7, 100, NOW);
    peer_letters_answers(store, "a", 8, 1, NOW);
    peer_letters_answers(store, "b", 7, 20, NOW - HOUR);
    peer_letters_answers(store, "old", 7, 4000, NOW - (uint64_t)2 * HOUR);
    read_answers(NULL);
    assert_int_equal(answers.machines, 2);
    assert_int_equal(fleettraffic_answers_of(&answers, 7).hour, 120);
    assert_int_equal(fleettraffic_answers_of(&answers, 7).day, 120);
    assert_int_equal(fleettraffic_answers_of(&answers, 8).day, 1);
    assert_int_equal(fleettraffic_answers_of(&answers, 9).day, 0);
    read_answers("b");
    assert_int_equal(answers.machines, 1);
    assert_int_equal(fleettraffic_answers_of(&answers, 7).hour, 20);
    assert_int_equal(fleettraffic_answers_of(&answers, 8).hour, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_letters_our_own_demand_counts_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(demand_of_all_machines_is_added_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_demand_and_that_of_the_future_do_not_count, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_machine_that_lies_gets_a_quarter_of_the_sum, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_does_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_of_all_machines_are_added_up_by_member, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
