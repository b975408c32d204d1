#include "server/io/xdp_program.h"
#include "server/io/xdp_shed.h"
#include "tests/unit/unit.h"

static const uint64_t ms = 1000000;

static void a_moment_of_load_limits_nobody_but_a_flood(void **)
{
    struct xdp_shed shed = { 0 };
    assert_false(xdp_shed_step(&shed, false, 1 * ms));
    assert_true(xdp_shed_step(&shed, true, 2 * ms));
    assert_int_equal(shed.interval, 100000); /* 10,000 a second */
    assert_false(xdp_shed_step(&shed, true, 6 * ms));
    assert_false(xdp_shed_step(&shed, false, 7 * ms));
    assert_false(xdp_shed_step(&shed, false, 105 * ms));
    assert_true(xdp_shed_step(&shed, false, 106 * ms));
    assert_int_equal(shed.interval, 0);
    assert_false(xdp_shed_step(&shed, false, 500 * ms));
}

static void lasting_load_halves_what_a_network_may_send(void **)
{
    struct xdp_shed shed = { 0 };
    uint64_t before = 50000;
    for (unsigned i = 0; i < 100; i++) {
        bool changed = xdp_shed_step(&shed, true, (1 + 5 * i) * ms);
        assert_int_equal(changed, before < XDP_INTERVAL_MAX);
        assert_int_equal(shed.interval,
                         before < XDP_INTERVAL_MAX / 2 ? before * 2 : XDP_INTERVAL_MAX);
        before = shed.interval;
    }
}

static void more_is_taken_step_by_step_when_the_ring_is_empty_enough(void **)
{
    struct xdp_shed shed = { 0 };
    uint64_t now = 0, steps = 0;
    for (; now < 40 * ms; now += ms) {
        (void)xdp_shed_step(&shed, true, now);
    }
    uint64_t most = shed.interval;
    for (uint64_t end = now + 60000 * ms; shed.interval > 0 && now < end; now += ms) {
        uint64_t before = shed.interval;
        steps += xdp_shed_step(&shed, false, now);
        assert_true(shed.interval <= before &&
                    (shed.interval == 0 || shed.interval >= before / 8 * 7));
    }
    assert_int_equal(most, 12800000);
    assert_int_equal(shed.interval, 0);
    assert_in_range(steps, 20, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moment_of_load_limits_nobody_but_a_flood),
        cmocka_unit_test(lasting_load_halves_what_a_network_may_send),
        cmocka_unit_test(more_is_taken_step_by_step_when_the_ring_is_empty_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
