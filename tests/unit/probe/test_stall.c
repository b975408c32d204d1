#include "probe/stall.h"
#include "tests/unit/unit.h"

static void regular_looks_are_no_hold_up(void **)
{
    struct stall stall = { 0 };
    stall_tick(&stall, 1000);
    stall_tick(&stall, 1050);
    stall_tick(&stall, 1050 + STALL_SHORT_MS - 1);
    assert_int_equal(stall_length(&stall, 0), 0);
    assert_false(stall_may_explain(&stall, FAILURE_KE_CLOSED, 1000, stall.looked_at));
}

static void after_a_short_hold_up_who_hung_up_is_not_blamed(void **)
{
    struct stall stall = { 0 };
    stall_tick(&stall, 1000);
    stall_tick(&stall, 1000 + STALL_SHORT_MS);
    uint64_t now = stall.looked_at;
    assert_true(stall_may_explain(&stall, FAILURE_KE_CLOSED, 990, now));
    assert_true(stall_may_explain(&stall, FAILURE_TLS_HANDSHAKE, 990, now));
    /* what did not come in all this time waits for no one */
    assert_false(stall_may_explain(&stall, FAILURE_NTP_SILENT, 990, now));
    assert_false(stall_may_explain(&stall, FAILURE_KE_TIMEOUT, 990, now));
    assert_false(stall_may_explain(&stall, FAILURE_CERT_EXPIRED, 990, now));
    assert_false(stall_may_explain(&stall, FAILURE_NONE, 990, now));
    /* what began later has nothing to do with it */
    assert_false(stall_may_explain(&stall, FAILURE_KE_CLOSED, now, now));
    assert_int_equal(stall_length(&stall, now - 1), STALL_SHORT_MS);
    assert_int_equal(stall_length(&stall, now), 0);
}

static void after_a_long_hold_up_nobody_is_blamed(void **)
{
    struct stall stall = { 0 };
    stall_tick(&stall, 1000);
    stall_tick(&stall, 1000 + STALL_LONG_MS);
    stall_tick(&stall, stall.looked_at + STALL_SHORT_MS);
    for (unsigned failure = FAILURE_NONE; failure < FAILURE_COUNT; failure++) {
        assert_int_equal(stall_may_explain(&stall, failure, 1000, stall.looked_at),
                         failure != FAILURE_NONE);
    }
    assert_int_equal(stall_length(&stall, 1000), STALL_LONG_MS);
}

/* Sockets may be served before the timer that looks. */
static void a_hold_up_counts_before_the_next_look(void **)
{
    const struct stall stall = { .looked_at = 1000 };
    uint64_t now = 1000 + STALL_SHORT_MS;
    assert_true(stall_may_explain(&stall, FAILURE_KE_CLOSED, 1000, now));
    assert_false(stall_may_explain(&stall, FAILURE_KE_CLOSED, 1000, now - 1));
    assert_false(stall_may_explain(&stall, FAILURE_OFFSET, 1000, now));
    assert_true(stall_may_explain(&stall, FAILURE_OFFSET, 1000, 1000 + STALL_LONG_MS));
}

static void without_looks_all_failures_are_the_servers(void **)
{
    const struct stall never = { 0 };
    assert_false(stall_may_explain(NULL, FAILURE_KE_CLOSED, 1, 1000000));
    assert_false(stall_may_explain(&never, FAILURE_KE_CLOSED, 1, 1000000));
}

struct limit {
    bool again;
    unsigned ended;
};

static void limit_ended(uv_timer_t *timer)
{
    struct limit *limit = timer->data;
    if (!stall_look_again(&limit->again, timer, limit_ended)) {
        limit->ended++;
    }
}

static void socket_looked_at(uv_check_t *check)
{
    struct limit *limit = check->data;
    assert_int_equal(limit->ended, 0);
    uv_check_stop(check);
}

static void sockets_are_looked_at_once_more_before_a_limit_ends(void **)
{
    struct limit limit = { 0 };
    uv_loop_t loop;
    uv_timer_t timer;
    uv_check_t check;
    assert_int_equal(uv_loop_init(&loop), 0);
    uv_timer_init(&loop, &timer);
    uv_check_init(&loop, &check);
    timer.data = &limit;
    check.data = &limit;
    uv_check_start(&check, socket_looked_at);
    uv_timer_start(&timer, limit_ended, 0, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(limit.ended, 1);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_close((uv_handle_t *)&check, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regular_looks_are_no_hold_up),
        cmocka_unit_test(after_a_short_hold_up_who_hung_up_is_not_blamed),
        cmocka_unit_test(after_a_long_hold_up_nobody_is_blamed),
        cmocka_unit_test(a_hold_up_counts_before_the_next_look),
        cmocka_unit_test(without_looks_all_failures_are_the_servers),
        cmocka_unit_test(sockets_are_looked_at_once_more_before_a_limit_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
