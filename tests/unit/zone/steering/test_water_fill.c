#include <math.h>

#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"
#include "zone/steering/water_fill.h"

enum {
    MANY = 200,
    RUNS = 300
};

/* A set to fill, with all that it points to. */
static struct {
    struct water_fill_entry list[MANY];
    uint32_t group[MANY];
    uint8_t family[MANY];
    double factor[MANY], weights[MANY], expected[MANY];
    struct water_fill fill;
} made;

static void begin(unsigned per_set)
{
    memset(&made, 0, sizeof(made));
    made.fill = (struct water_fill){ .list = made.list,
                                     .group = made.group,
                                     .family = made.family,
                                     .per_set = per_set,
                                     .weights = made.weights,
                                     .expected = made.expected };
}

static void add(uint32_t group, double weight, unsigned family)
{
    size_t at = made.fill.count++;
    made.list[at] = (struct water_fill_entry){ (uint32_t)at, (float)weight };
    made.group[at] = group;
    made.family[at] = (uint8_t)family;
}

static double part_of(uint32_t group)
{
    double part = 0;
    for (size_t i = 0; i < made.fill.count; i++) {
        part += made.group[i] == group ? made.expected[i] : 0;
    }
    return part;
}

static double family_part(unsigned family)
{
    double part = 0;
    for (size_t i = 0; i < made.fill.count; i++) {
        part += (made.family[i] & family) != 0 ? made.expected[i] : 0;
    }
    return part;
}

static double all(void)
{
    double sum = 0;
    for (size_t i = 0; i < made.fill.count; i++) {
        assert_true(made.expected[i] >= 0 && made.expected[i] <= 1 + 1e-9);
        sum += made.expected[i];
    }
    return sum;
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(1, fabs(b));
}

static double unit(uint64_t *random)
{
    return (double)(splitmix(random) >> 11) * 0x1p-53;
}

static void without_caps_parts_go_by_weight(void **)
{
    begin(2);
    for (uint32_t i = 0; i < 10; i++) {
        add(i, 1 + i % 3, WATER_FILL_IPV4);
    }
    water_fill_set(&made.fill);
    for (size_t i = 0; i < 10; i++) {
        assert_true(near(made.expected[i], 2 * (double)(1 + i % 3) / 19));
    }
    assert_true(near(made.fill.level, 2.0 / 19));
    assert_int_equal(made.fill.per_set, 2);
}

static void the_excess_over_a_cap_goes_to_the_others_by_weight(void **)
{
    begin(2);
    add(0, 90, WATER_FILL_IPV4); /* its part would be 1.8 of 2 */
    add(1, 6, WATER_FILL_IPV4);
    add(2, 4, WATER_FILL_IPV4);
    water_fill_set(&made.fill);
    assert_true(near(made.expected[0], 1));
    assert_true(near(made.expected[1], 0.6));
    assert_true(near(made.expected[2], 0.4));
    assert_true(near(made.fill.level, 0.1)); /* what a new member's weight would count */
}

static void a_group_is_capped_as_one_and_shares_by_weight(void **)
{
    begin(2);
    add(7, 60, WATER_FILL_IPV4);
    add(7, 20, WATER_FILL_IPV4);
    add(8, 6, WATER_FILL_IPV4);
    add(9, 4, WATER_FILL_IPV4);
    water_fill_set(&made.fill);
    assert_true(near(made.expected[0], 0.75));
    assert_true(near(made.expected[1], 0.25));
    assert_true(near(made.expected[2], 0.6));
    assert_true(near(made.expected[3], 0.4));
}

static void factors_are_part_of_the_weight(void **)
{
    begin(1);
    add(0, 10, WATER_FILL_IPV4);
    add(1, 10, WATER_FILL_IPV4);
    made.factor[0] = 0.25;
    made.factor[1] = 0.75;
    made.fill.factor = made.factor;
    water_fill_set(&made.fill);
    assert_true(near(made.expected[0], 0.25));
    assert_true(near(made.expected[1], 0.75));
    assert_true((double)made.list[0].weight == 10);
}

static void with_no_more_members_than_slots_all_are_in(void **)
{
    for (uint32_t count = 0; count <= 4; count++) {
        begin(4);
        for (uint32_t i = 0; i < count; i++) {
            add(0, 1 + i, i == 0 ? WATER_FILL_IPV6 : WATER_FILL_IPV4);
        }
        water_fill_set(&made.fill);
        assert_int_equal(made.fill.per_set, count);
        assert_true(near(all(), count));
        assert_true(near(made.fill.level, count == 0 ? 0 : 8.0 / (count * (count + 1))));
    }
}

/* A pool of random weights, over many orders of magnitude, and random groups. */
static void make_random(uint64_t *random, uint32_t groups)
{
    begin(1 + (unsigned)(splitmix(random) % WATER_FILL_SET_MAX));
    for (uint32_t group = 0; group < groups; group++) {
        for (uint64_t n = 1 + splitmix(random) % 3; n > 0; n--) {
            add(group, exp(40 * unit(random) - 20), WATER_FILL_IPV4 | WATER_FILL_IPV6);
        }
    }
}

/* The level at which the groups' parts add up, found by bisection. */
static double level_by_halving(uint32_t groups)
{
    double low = -60, high = 60;
    for (unsigned step = 0; step < 200; step++) {
        double middle = (low + high) / 2, sum = 0;
        for (uint32_t group = 0; group < groups; group++) {
            double weight = 0;
            for (size_t i = 0; i < made.fill.count; i++) {
                weight += made.group[i] == group ? (double)made.list[i].weight : 0;
            }
            sum += fmin(1, exp(middle) * weight);
        }
        if (sum < made.fill.per_set) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return exp(low);
}

static void no_member_and_no_group_has_more_than_one_slot(void **)
{
    uint64_t random = 1;
    for (unsigned run = 0; run < RUNS; run++) {
        uint32_t groups = 9 + (uint32_t)(splitmix(&random) % 50);
        make_random(&random, groups);
        water_fill_set(&made.fill);
        double level = level_by_halving(groups);
        assert_true(fabs(all() - made.fill.per_set) < 1e-6);
        for (size_t i = 0; i < made.fill.count; i++) {
            double group = part_of(made.group[i]), wanted = level * (double)made.list[i].weight;
            assert_true(group <= 1 + 1e-9);
            if (group < 1 - 1e-6) {
                assert_true(fabs(made.expected[i] - wanted) <= 1e-6 * wanted + 1e-12);
            }
        }
    }
}

static void with_fewer_groups_than_slots_each_has_one_at_least(void **)
{
    uint64_t random = 2;
    unsigned tried = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        uint32_t groups = 1 + (uint32_t)(splitmix(&random) % 7);
        make_random(&random, groups);
        if (groups >= made.fill.per_set || made.fill.count <= made.fill.per_set) {
            continue;
        }
        tried++;
        water_fill_set(&made.fill);
        assert_true(fabs(all() - made.fill.per_set) < 1e-6);
        for (uint32_t group = 0; group < groups; group++) {
            assert_true(part_of(group) >= 1 - 1e-6);
        }
    }
    assert_true(tried > RUNS / 20);
}

static void a_rare_family_is_raised_to_one_a_set(void **)
{
    for (unsigned rare = WATER_FILL_IPV4; rare <= WATER_FILL_IPV6; rare++) {
        begin(4);
        for (uint32_t i = 0; i < 40; i++) {
            bool is_rare = i % 10 == 0;
            add(i, is_rare ? 0.001 * (i + 10) : 1 + i % 4, is_rare ? rare : 3 - rare);
        }
        water_fill_set(&made.fill);
        assert_true(fabs(all() - 4) < 1e-6);
        assert_true(family_part(rare) >= 1 && family_part(rare) < 1.05);
        /* Within the family, and among the others, parts go by weight as before. */
        assert_true(near(made.expected[30] / made.expected[0], 4));
        assert_true(near(made.expected[3] / made.expected[4], 4));
    }
}

/* A group can have one slot only, which rounding in a deck may leave out at times. */
static void a_family_of_one_is_in_every_set(void **)
{
    begin(4);
    add(0, 1e-6, WATER_FILL_IPV6);
    for (uint32_t i = 1; i < 30; i++) {
        add(i, 100, WATER_FILL_IPV4);
    }
    water_fill_set(&made.fill);
    assert_true(made.expected[0] > 0.999);
    assert_true(fabs(all() - 4) < 1e-6);
}

static void sets_of_one_have_no_rule_for_families(void **)
{
    begin(1);
    add(0, 1, WATER_FILL_IPV6);
    add(1, 3, WATER_FILL_IPV4);
    water_fill_set(&made.fill);
    assert_true(near(made.expected[0], 0.25));
}

static void a_family_that_all_or_none_have_changes_nothing(void **)
{
    begin(2);
    for (uint32_t i = 0; i < 6; i++) {
        add(i, 1 + i, WATER_FILL_IPV4);
    }
    water_fill_set(&made.fill);
    for (size_t i = 0; i < 6; i++) {
        assert_true(near(made.expected[i], 2 * (double)(1 + i) / 21));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_caps_parts_go_by_weight),
        cmocka_unit_test(the_excess_over_a_cap_goes_to_the_others_by_weight),
        cmocka_unit_test(a_group_is_capped_as_one_and_shares_by_weight),
        cmocka_unit_test(factors_are_part_of_the_weight),
        cmocka_unit_test(with_no_more_members_than_slots_all_are_in),
        cmocka_unit_test(no_member_and_no_group_has_more_than_one_slot),
        cmocka_unit_test(with_fewer_groups_than_slots_each_has_one_at_least),
        cmocka_unit_test(a_rare_family_is_raised_to_one_a_set),
        cmocka_unit_test(a_family_of_one_is_in_every_set),
        cmocka_unit_test(sets_of_one_have_no_rule_for_families),
        cmocka_unit_test(a_family_that_all_or_none_have_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
