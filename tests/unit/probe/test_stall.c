#include "probe/stall.h"
#include "tests/unit/unit.h"

static void regular_ticks_are_no_stall(void **)
{
    struct stall stall = { 0 };
    stall_tick(&stall, 1000);
    stall_tick(&stall, 1050);
    stall_tick(&stall, 1050 + STALL_SHORT_MS - 1);
    assert_int_equal(stall_length(&stall, 0), 0);
    assert_false(stall_may_explain(&stall, FAILURE_KE_CLOSED, 1000, stall.ticked_at));
}

static void short_stall_explains_a_closed_connection(void **)
{
    struct stall stall = { 0 };
    stall_tick(&stall, 1000);
    stall_tick(&stall, 1000 + STALL_SHORT_MS);
    uint64_t now = stall.ticked_at;
    assert_true(stall_may_explain(&stall, FAILURE_KE_CLOSED, 990, now));
    assert_true(stall_may_explain(&stall, FAILURE_TLS_HANDSHAKE, 990, now));
    /* a reply that did not come in all this time was never sent */
    assert_false(stall_may_explain(&stall, FAILURE_NTP_SILENT, 990, now));
    assert_false(stall_may_explain(&stall, FAILURE_KE_TIMEOUT, 990, now));
    assert_false(stall_may_explain(&stall, FAILURE_CERT_EXPIRED, 990, now));
    assert_false(stall_may_explain(&stall, FAILURE_NONE, 990, now));
    /* what began after the stall is not affected */
    assert_false(stall_may_explain(&stall, FAILURE_KE_CLOSED, now, now));
    assert_int_equal(stall_length(&stall, now - 1), STALL_SHORT_MS);
    assert_int_equal(stall_length(&stall, now), 0);
}

static void long_stall_explains_every_failure(void **)
{
    struct stall stall = { 0 };
    stall_tick(&stall, 1000);
    stall_tick(&stall, 1000 + STALL_LONG_MS);
    stall_tick(&stall, stall.ticked_at + STALL_SHORT_MS);
    for (unsigned failure = FAILURE_NONE; failure < FAILURE_COUNT; failure++) {
        assert_int_equal(stall_may_explain(&stall, failure, 1000, stall.ticked_at),
                         failure != FAILURE_NONE);
    }
    assert_int_equal(stall_length(&stall, 1000), STALL_LONG_MS);
}

/* Sockets may be served before the timer that ticks. */
static void stall_counts_before_the_next_tick(void **)
{
    const struct stall stall = { .ticked_at = 1000 };
    uint64_t now = 1000 + STALL_SHORT_MS;
    assert_true(stall_may_explain(&stall, FAILURE_KE_CLOSED, 1000, now));
    assert_false(stall_may_explain(&stall, FAILURE_KE_CLOSED, 1000, now - 1));
    assert_false(stall_may_explain(&stall, FAILURE_OFFSET, 1000, now));
    assert_true(stall_may_explain(&stall, FAILURE_OFFSET, 1000, 1000 + STALL_LONG_MS));
}

static void without_ticks_all_failures_are_the_servers(void **)
{
    const struct stall never = { 0 };
    assert_false(stall_may_explain(NULL, FAILURE_KE_CLOSED, 1, 1000000));
    assert_false(stall_may_explain(&never, FAILURE_KE_CLOSED, 1, 1000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regular_ticks_are_no_stall),
        cmocka_unit_test(short_stall_explains_a_closed_connection),
        cmocka_unit_test(long_stall_explains_every_failure),
        cmocka_unit_test(stall_counts_before_the_next_tick),
        cmocka_unit_test(without_ticks_all_failures_are_the_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
