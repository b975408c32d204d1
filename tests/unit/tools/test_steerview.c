#include "tests/unit/peer_letters.h"
#include "tests/unit/registry_fixture.h"
#include "tools/fleet/membership.h"
#include "tools/steershare.h"
#include "zone/base/clock.h"

enum {
    HOUR = 3600,
    MEMBER = 1 /* the id of the first */
};

/* What the command saw. */
static struct {
    enum result result;
    char diag[512];
    size_t machines;
    double measured;
    uint64_t hour, day;
} seen;

static uint64_t now;

static int set_up_counts(void **state)
{
    static const enum store_kind kinds[] = { STORE_HEALTH, STORE_TRAFFIC, STORE_HISTORY };
    const struct cell world = { .addresses = 0 };
    const struct traffic_count counts[] = { { MEMBER, 40 } };
    const uint32_t queries = 100;
    struct member member = member_of("alice", "192.0.2.1");
    struct traffic traffic = { 0 };
    struct store *counted = NULL;
    struct store_txn *counting = NULL;
    if (set_up(state) != 0) {
        return -1;
    }
    now = clock_now();
    member.override = OVERRIDE_ELIGIBLE;
    assert_ok(registry_add(at(NOW), &member, true));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_ok(store_create(dir, kinds[i], &diag));
    }
    traffic_add_queries(&traffic, &world, &queries, 1, now);
    traffic_add_answers(&traffic, counts, 1, now);
    assert_ok(store_open(&counted, dir, STORE_TRAFFIC, true, &diag));
    assert_ok(store_write(counted, &counting, &diag));
    assert_ok(traffic_save(&traffic, counting, &diag));
    assert_ok(store_commit(counting, &diag));
    store_close(counted);
    traffic_done(&traffic);
    return 0;
}

static int run_share(struct cli *cli, int, char **)
{
    struct steerview view = { .count = 0 };
    struct steershare share;
    memset(&seen, 0, sizeof(seen));
    seen.result = steerview_begin(&view, cli);
    (void)snprintf(seen.diag, sizeof(seen.diag), "%s", cli->diag.text);
    if (seen.result == RESULT_OK) {
        steershare_of(&share, &view);
        seen.machines = view.own + view.fleet.machines;
        seen.measured = view.measured;
        seen.hour = share.hour;
        seen.day = share.day;
        steershare_done(&share);
    }
    steerview_done(&view);
    return CLI_DONE;
}

/* A command looks, of one machine or (NULL) of all. */
static void look(const char *edge)
{
    static const struct option_row rows[] = { { "edge", 0, "NAME", false, "" },
                                              { "locations", 0, "FILE", true, "" },
                                              { 0 } };
    static const struct cli_command commands[] = { { "share", "", 0, 0, "", NULL, rows,
                                                     run_share } };
    static const struct cli_group groups[] = { { 0 } };
    char name[MACHINE_ROOM + 8] = "";
    char *argv[] = { (char[]){ "ntspool" },
                     (char[]){ "-s" },
                     dir,
                     (char[]){ "share" },
                     (char[]){ "--edge" },
                     name,
                     NULL };
    (void)snprintf(name, sizeof(name), "%s", edge == NULL ? "" : edge);
    assert_ok(registry_commit(at(NOW)));
    store_close(store);
    assert_int_equal(cli_main(commands, 1, groups, edge == NULL ? 4 : 6, argv), CLI_DONE);
    assert_ok(store_open(&store, dir, STORE_REGISTRY, true, &diag)); /* for tear_down */
    begin();
}

/* This machine is ams1, of a fleet with sao1 and fra1, which have told what they counted. */
static void join_fleet(void)
{
    static const char *const names[] = { "ams1", "sao1", "fra1" };
    struct membership membership = { .name = "ams1", .role = MACHINE_EDGE, .node_count = 1 };
    struct membership_papers papers = { .certificate = "certificate\n", .ca = "ca\n" };
    uint8_t open[LEDGERHEAD_KEY];
    struct store *fleet = NULL;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct machine machine = { .role = MACHINE_EDGE, .added_at = NOW, .key = { (uint8_t)i } };
        (void)snprintf(machine.name, sizeof(machine.name), "%s", names[i]);
        (void)snprintf(machine.voucher_of, sizeof(machine.voucher_of), "%s", names[0]);
        assert_ok(registry_put_machine(at(NOW), &machine));
    }
    assert_true(sodium_init() >= 0);
    assert_int_equal(crypto_sign_keypair(open, membership.secret), 0);
    (void)snprintf(membership.apex, sizeof(membership.apex), "pool.test.");
    membership.nodes[0] = (struct endpoint){ address_of("192.0.2.9"), 2379 };
    membership_key_pem(membership.secret, papers.key);
    assert_ok(membership_write(dir, &membership, &papers, &diag));
    assert_ok(store_open(&fleet, dir, STORE_FLEET, true, &diag));
    peer_letters_demand(fleet, "sao1", "BR", 5000, now);
    peer_letters_demand(fleet, "fra1", "DE", 700, now);
    peer_letters_answers(fleet, "sao1", MEMBER, 2000, now);
    peer_letters_answers(fleet, "fra1", MEMBER, 300, now);
    store_close(fleet);
}

/* Demand fades from second to second, and answers of an hour that is over do so too. */
static void assert_seen(size_t machines, double measured, uint64_t answers)
{
    assert_int_equal(seen.result, RESULT_OK);
    assert_int_equal(seen.machines, machines);
    assert_true(seen.measured > measured * 0.9 && seen.measured < measured * 1.01);
    assert_in_range(seen.hour, answers * 9 / 10, answers);
    assert_int_equal(seen.day, answers);
}

static void a_machine_alone_has_its_own_counts(void **)
{
    look(NULL);
    assert_seen(1, 100, 40);
    look("sao1");
    assert_int_equal(seen.result, RESULT_NOT_FOUND);
    assert_non_null(strstr(seen.diag, "sao1"));
}

static void in_a_fleet_the_counts_are_those_of_all_or_of_one(void **)
{
    join_fleet();
    look(NULL);
    assert_seen(3, 5800, 2340);
    look("sao1");
    assert_seen(1, 5000, 2000);
    look("ams1");
    assert_seen(1, 100, 40);
    look("a-name-that-is-longer-than-any-machine-of-a-fleet-may-have-and-more");
    assert_int_equal(seen.result, RESULT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_machine_alone_has_its_own_counts, set_up_counts,
                                        tear_down),
        cmocka_unit_test_setup_teardown(in_a_fleet_the_counts_are_those_of_all_or_of_one,
                                        set_up_counts, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
