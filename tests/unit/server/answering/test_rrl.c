#include <sodium.h>

#include "server/answering/rrl.h"
#include "tests/unit/unit.h"

/* How many of `count` simultaneous answers pass. */
static unsigned burst(struct rrl *rrl, const char *source, unsigned kind, uint32_t rate,
                      uint64_t now_us, unsigned count)
{
    struct address address = address_of(source);
    unsigned passed = 0;
    for (unsigned i = 0; i < count; i++) {
        passed += rrl_take(rrl, &address, kind, rate, now_us);
    }
    return passed;
}

/* Clocks that challenge a 40-bit time: a fresh one, and one about to wrap. */
static const uint64_t clocks[] = { 0, 5000000, (UINT64_C(1) << 40) - 500000, UINT64_C(7) << 50 };

static void a_second_s_worth_passes_at_once_and_no_more(void **)
{
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        struct rrl *rrl = rrl_new();
        assert_int_equal(burst(rrl, "192.0.2.1", RRL_NEGATIVE, 200, clocks[i], 1000), 200);
        assert_int_equal(burst(rrl, "192.0.2.1", RRL_NEGATIVE, 200, clocks[i] + 100000, 1000), 20);
        assert_int_equal(burst(rrl, "192.0.2.1", RRL_NEGATIVE, 200, clocks[i] + 10000000, 1000),
                         200);
        rrl_free(rrl);
    }
}

static void steady_flood_gets_the_rate(void **)
{
    struct rrl *rrl = rrl_new();
    unsigned passed = 0;
    for (uint64_t ms = 0; ms < 10000; ms++) {
        passed += burst(rrl, "192.0.2.1", RRL_POSITIVE, 500, 77 + ms * 1000, 5);
    }
    assert_in_range(passed, 5000, 5500);
    rrl_free(rrl);
}

static void under_the_rate_all_pass_for_ever(void **)
{
    struct rrl *rrl = rrl_new();
    uint64_t now = (UINT64_C(1) << 40) - 20000000;
    for (unsigned i = 0; i < 20000; i++, now += 2001) {
        assert_int_equal(burst(rrl, "2001:db8::1", RRL_POSITIVE, 500, now, 1), 1);
    }
    rrl_free(rrl);
}

static void networks_and_kinds_have_their_own(void **)
{
    struct rrl *rrl = rrl_new();
    assert_int_equal(burst(rrl, "192.0.2.1", RRL_ERROR, 10, 0, 20), 10);
    assert_int_equal(burst(rrl, "192.0.2.255", RRL_ERROR, 10, 0, 20), 0);
    assert_int_equal(burst(rrl, "192.0.3.1", RRL_ERROR, 10, 0, 20), 10);
    assert_int_equal(burst(rrl, "2001:db8:0:1::1", RRL_ERROR, 10, 0, 20), 10);
    assert_int_equal(burst(rrl, "2001:db8:0:ff:8000::", RRL_ERROR, 10, 0, 20), 0);
    assert_int_equal(burst(rrl, "2001:db8:0:100::1", RRL_ERROR, 10, 0, 20), 10);
    for (unsigned kind = RRL_NEGATIVE; kind < RRL_POSITIVE + RRL_NAME_GROUPS; kind++) {
        assert_int_equal(burst(rrl, "192.0.2.1", kind, 10, 0, 20), 10);
    }
    rrl_free(rrl);
}

/* A flood from everywhere must not lock anyone out for long, and must not help a network that keeps
 * on asking. */
static void flood_of_networks_does_not_hurt_others(void **)
{
    struct rrl *rrl = rrl_new();
    for (uint32_t i = 0; i < 400000; i++) {
        struct address address = address_from_ipv4(
            (const uint8_t[]){ (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 1 });
        (void)rrl_take(rrl, &address, RRL_POSITIVE, 500, i);
    }
    assert_int_equal(burst(rrl, "203.0.113.9", RRL_POSITIVE, 500, 500000, 500), 500);
    assert_int_equal(burst(rrl, "203.0.113.9", RRL_POSITIVE, 500, 500000, 500), 0);
    rrl_free(rrl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_s_worth_passes_at_once_and_no_more),
        cmocka_unit_test(steady_flood_gets_the_rate),
        cmocka_unit_test(under_the_rate_all_pass_for_ever),
        cmocka_unit_test(networks_and_kinds_have_their_own),
        cmocka_unit_test(flood_of_networks_does_not_hurt_others),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
