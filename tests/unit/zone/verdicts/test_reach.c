#include "tests/unit/unit.h"
#include "zone/verdicts/reach.h"

enum {
    INTERVAL_S = 64
};

static const uint64_t now = UINT64_C(2000073600); /* a quarter of an hour begins then */

static char dir[] = "test_reach.XXXXXX";
static struct store *store;
static struct store_txn *txn;
static struct diag diag;

static int set_up(void **)
{
    assert_non_null(mkdtemp(dir));
    assert_ok(store_create(dir, STORE_HISTORY, &diag));
    assert_ok(store_open(&store, dir, STORE_HISTORY, true, &diag));
    return 0;
}

static int tear_down(void **)
{
    char command[128];
    store_close(store);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

static int begin(void **)
{
    assert_ok(store_write(store, &txn, &diag));
    return 0;
}

static int end(void **)
{
    store_abort(txn);
    return 0;
}

static struct history_subject seen_from(const char *vantage)
{
    struct history_subject subject = { .member_id = 1 };
    (void)snprintf(subject.vantage, sizeof(subject.vantage), "%s", vantage);
    assert_ok(address_parse(&subject.address, "192.0.2.1"));
    return subject;
}

/* A sample for each character, the last one now; 'x' is a failure. */
static void note(const char *vantage, const char *outcomes, uint64_t interval_s)
{
    const struct history_subject subject = seen_from(vantage);
    size_t count = strlen(outcomes);
    for (size_t i = 0; i < count; i++) {
        const struct history_sample sample = { .at = now - (count - 1 - i) * interval_s,
                                               .failure = outcomes[i] == 'x'
                                                              ? FAILURE_CONNECT_TIMEOUT
                                                              : FAILURE_NONE };
        assert_ok(history_note(txn, &subject, &sample, sample.at, &diag));
    }
}

static unsigned reach_from(const char *const *vantages, uint32_t interval_s, uint64_t at)
{
    struct reach reach = { 0 };
    for (; *vantages != NULL; vantages++) {
        const struct history_subject subject = seen_from(*vantages);
        assert_ok(reach_add(&reach, txn, &subject, interval_s, at));
    }
    return reach_bits(&reach);
}

static unsigned reach_of_one(void)
{
    return reach_from((const char *const[]){ "here", NULL }, INTERVAL_S, now);
}

static void each_sample_is_a_bit_and_the_newest_is_the_lowest(void **)
{
    assert_int_equal(reach_of_one(), 0);
    note("here", ".", INTERVAL_S);
    assert_int_equal(reach_of_one(), 01);
    note("here", ".x.x.", INTERVAL_S);
    assert_int_equal(reach_of_one(), 025);
}

static void only_the_last_eight_count(void **)
{
    note("here", "xxxx........", INTERVAL_S);
    assert_int_equal(reach_of_one(), 0377);
}

static void a_failure_is_seen_until_eight_successes_have_followed(void **)
{
    note("here", "...x.......", INTERVAL_S);
    assert_int_equal(reach_of_one(), 0177);
}

static void samples_of_all_vantage_points_are_put_in_order_of_time(void **)
{
    static const char *const both[] = { "far", "here", NULL };
    static const char *const both_the_other_way[] = { "here", "far", NULL };
    note("here", "........", INTERVAL_S);
    const struct history_subject far = seen_from("far");
    const struct history_sample failed = { .at = now - INTERVAL_S - 1,
                                           .failure = FAILURE_CONNECT_TIMEOUT };
    assert_ok(history_note(txn, &far, &failed, failed.at, &diag));
    assert_int_equal(reach_from(both, INTERVAL_S, now), 0373);
    assert_int_equal(reach_from(both_the_other_way, INTERVAL_S, now), 0373);
}

static void old_samples_are_forgotten_and_longer_intervals_remember_longer(void **)
{
    static const char *const here[] = { "here", NULL };
    note("here", "........", 3600);
    assert_int_equal(reach_from(here, 3600, now), 0377);
    assert_int_equal(reach_from(here, INTERVAL_S, now), 01);
    assert_int_equal(reach_from(here, INTERVAL_S, now + 3600), 0);
    assert_int_equal(reach_from(here, 3600, now + UINT64_C(6) * 3600), 0177);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_sample_is_a_bit_and_the_newest_is_the_lowest, begin,
                                        end),
        cmocka_unit_test_setup_teardown(only_the_last_eight_count, begin, end),
        cmocka_unit_test_setup_teardown(a_failure_is_seen_until_eight_successes_have_followed,
                                        begin, end),
        cmocka_unit_test_setup_teardown(samples_of_all_vantage_points_are_put_in_order_of_time,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            old_samples_are_forgotten_and_longer_intervals_remember_longer, begin, end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
