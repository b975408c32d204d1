#include "tests/unit/unit.h"
#include "zone/overview/shareview.h"

enum {
    NOW = 1800000000
};

static struct traffic traffic;

static int tear_down(void **)
{
    traffic_done(&traffic);
    return 0;
}

static void give(uint64_t member_id, uint64_t answers)
{
    const struct traffic_count count = { member_id, answers };
    traffic_add_answers(&traffic, &count, 1, NOW - 7200);
}

static bool is_near(double a, double b)
{
    return a > b - 1e-9 && a < b + 1e-9;
}

static void a_ratio_is_of_the_answers_to_the_part_of_the_capacity(void **)
{
    struct share_part parts[] = { { .member_id = 1, .weight = 100 },
                                  { .member_id = 2, .weight = 300 },
                                  { .member_id = 3, .weight = 0 } };
    struct shareview view;
    give(1, 50);
    give(2, 50);
    shareview_of(&view, parts, 3, &traffic, NOW);
    assert_int_equal(view.members, 2);
    /* 0.5 / 0.75 and 0.5 / 0.25 */
    assert_true(is_near(view.quantiles[0], 2.0 / 3));
    assert_true(is_near(view.quantiles[1], 2.0 / 3));
    assert_true(is_near(view.quantiles[2], 2));
    assert_true(is_near(view.quantiles[3], 2));
    assert_true(is_near(view.sum, 8.0 / 3));
}

static void equal_shares_are_fair(void **)
{
    struct share_part parts[200] = { { 0 } };
    struct shareview view;
    for (unsigned i = 0; i < 200; i++) {
        parts[i] = (struct share_part){ .member_id = 10 + i, .weight = 1 + i };
        give(10 + i, UINT64_C(7) * (1 + i));
    }
    shareview_of(&view, parts, 200, &traffic, NOW);
    assert_int_equal(view.members, 200);
    for (unsigned i = 0; i < SHAREVIEW_QUANTILES; i++) {
        assert_true(is_near(view.quantiles[i], 1));
    }
}

static void nobody_has_a_ratio_without_answers_or_members(void **)
{
    struct share_part parts[] = { { .member_id = 1, .weight = 100 } };
    struct shareview view;
    shareview_of(&view, parts, 1, &traffic, NOW);
    assert_int_equal(view.members, 0);
    give(1, 50);
    parts[0].weight = 0;
    shareview_of(&view, parts, 1, &traffic, NOW);
    assert_int_equal(view.members, 0);
    shareview_of(&view, parts, 0, &traffic, NOW);
    assert_int_equal(view.members, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_ratio_is_of_the_answers_to_the_part_of_the_capacity, tear_down),
        cmocka_unit_test_teardown(equal_shares_are_fair, tear_down),
        cmocka_unit_test_teardown(nobody_has_a_ratio_without_answers_or_members, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
