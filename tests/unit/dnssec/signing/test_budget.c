#include "dnssec/signing/budget.h"
#include "tests/unit/unit.h"

enum {
    SECOND_US = 1000000
};

static unsigned take_all(struct budget *budget, unsigned most)
{
    unsigned taken = 0;
    while (taken < most && budget_take(budget)) {
        taken++;
    }
    return taken;
}

static void a_tenth_comes_at_once_and_then_the_rate(void **)
{
    static const uint32_t rates[] = { 1, 2, 10, 1000, 2000, 50000, BUDGET_RATE_MAX };
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct budget budget = { 0 };
        uint64_t now_us = 123456789;
        budget_update(&budget, rates[i], now_us);
        assert_int_equal(take_all(&budget, 2 * BUDGET_RATE_MAX), rates[i] < 10 ? 1 : rates[i] / 10);
        unsigned taken = 0;
        for (unsigned step = 1; step <= 1000; step++) {
            budget_update(&budget, rates[i], now_us + (uint64_t)step * SECOND_US / 100);
            taken += take_all(&budget, BUDGET_RATE_MAX);
        }
        assert_int_equal(taken, 10 * rates[i]);
    }
}

static void idle_time_is_not_saved_up(void **)
{
    struct budget budget = { 0 };
    budget_update(&budget, 100, SECOND_US);
    (void)take_all(&budget, 1000);
    budget_update(&budget, 100, UINT64_C(1000000) * SECOND_US);
    assert_int_equal(take_all(&budget, 1000), 10);
}

static void without_a_rate_there_is_no_limit(void **)
{
    struct budget budget = { 0 };
    assert_int_equal(take_all(&budget, 1000000), 1000000);
    budget_update(&budget, 100, SECOND_US); /* they are not charged */
    assert_int_equal(take_all(&budget, 1000), 10);
    budget_update(&budget, 0, SECOND_US);
    assert_int_equal(take_all(&budget, 1000), 1000);
}

static void a_clock_that_goes_back_does_not_lock_it(void **)
{
    struct budget budget = { 0 };
    budget_update(&budget, 100, UINT64_C(1000) * SECOND_US);
    (void)take_all(&budget, 1000);
    budget_update(&budget, 100, SECOND_US);
    assert_int_equal(take_all(&budget, 1000), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenth_comes_at_once_and_then_the_rate),
        cmocka_unit_test(idle_time_is_not_saved_up),
        cmocka_unit_test(without_a_rate_there_is_no_limit),
        cmocka_unit_test(a_clock_that_goes_back_does_not_lock_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
