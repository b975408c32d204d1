#include <math.h>

#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"
#include "zone/steering/allocation.h"

enum {
    AREAS = 40,
    MEMBERS = 400
};

static struct allocation_area areas[AREAS];
static struct allocation_member members[MEMBERS];
static struct share list[MEMBERS];
static double loads[MEMBERS], factors[MEMBERS];

static void expect_near(double value, double want, double off)
{
    if (!(fabs(value - want) <= off)) {
        fail_msg("%.12g is not %.12g", value, want);
    }
}

static double unit(uint64_t *random)
{
    return (double)(splitmix(random) >> 11) * 0x1p-53;
}

/* Members crowd where few ask, as in real pools: most of them in one corner of the map, demand all
 * over. */
static struct allocation_problem crowd(void)
{
    uint64_t random = 11;
    for (size_t i = 0; i < AREAS; i++) {
        double at = unit(&random);
        areas[i] = (struct allocation_area){ .point = point_at(unit(&random) * 120 - 50,
                                                               unit(&random) * 360 - 180),
                                             .demand = 1 / (0.01 + at * at) };
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        bool corner = i % 3 != 0;
        double lat = corner ? 45 + unit(&random) * 10 : unit(&random) * 120 - 50;
        double lon = corner ? unit(&random) * 20 : unit(&random) * 360 - 180;
        members[i] = (struct allocation_member){ .point = point_at(lat, lon),
                                                 .capacity = (double)(1 + splitmix(&random) % 200),
                                                 .group = (uint32_t)i,
                                                 .ipv4 = true,
                                                 .ipv6 = i % 2 == 0 };
    }
    return (struct allocation_problem){ .areas = areas,
                                        .area_count = AREAS,
                                        .members = members,
                                        .member_count = MEMBERS,
                                        .per_set = 4,
                                        .max_overload = 1.1,
                                        .scale_km = 1500,
                                        .entries = ALLOCATION_ENTRIES,
                                        .seed = 5 };
}

/* `count` members without location, failure domains or differences. */
static struct allocation_problem plain(size_t count)
{
    struct allocation_problem problem = crowd();
    for (size_t i = 0; i < count; i++) {
        members[i] =
            (struct allocation_member){ .capacity = 10, .group = (uint32_t)i, .ipv4 = true };
    }
    problem.member_count = count;
    return problem;
}

static double capacity_of(size_t count)
{
    double capacity = 0;
    for (size_t i = 0; i < count; i++) {
        capacity += members[i].capacity;
    }
    return capacity;
}

static double expected_of(const struct allocation_list *got, uint32_t member)
{
    for (size_t i = 0; i < got->count; i++) {
        if (list[i].member == member) {
            return list[i].expected;
        }
    }
    return 0;
}

static double sum_of(const struct allocation_list *got)
{
    double sum = 0;
    for (size_t i = 0; i < got->count; i++) {
        assert_true(list[i].expected >= 0 && list[i].expected <= 1 + 1e-9);
        sum += list[i].expected;
    }
    return sum;
}

static double mean_km(struct allocation *allocation, const struct allocation_problem *problem)
{
    double km = 0, demand = 0;
    for (size_t c = 0; c < problem->area_count; c++) {
        struct allocation_list got = allocation_of(allocation, &areas[c], list);
        for (size_t i = 0; i < got.count; i++) {
            km += areas[c].demand * list[i].expected / got.per_set *
                  point_km(&areas[c].point, &members[list[i].member].point);
        }
        demand += areas[c].demand;
    }
    return km / demand;
}

static void no_member_gets_more_than_max_overload_times_its_part(void **)
{
    const double limits[] = { 1.05, 1.1, 2, 3 };
    double before = 1e9;
    for (size_t l = 0; l < 4; l++) {
        struct allocation_problem problem = crowd();
        problem.max_overload = limits[l];
        struct allocation *allocation = allocation_new(&problem);
        assert_true(allocation_worst(allocation) <= limits[l] * 1.005);
        assert_true(allocation_rounds(allocation) <= ALLOCATION_ROUNDS);
        double km = mean_km(allocation, &problem), sum = 0;
        assert_true(km < before); /* more overload, nearer answers */
        before = km;
        allocation_results(allocation, loads, factors);
        for (size_t i = 0; i < MEMBERS; i++) {
            sum += loads[i];
            assert_true(loads[i] <= limits[l] * 1.005 * members[i].capacity / capacity_of(MEMBERS));
            assert_true(factors[i] > 0 && factors[i] <= 1);
        }
        expect_near(sum, 1, 1e-9);
        allocation_free(allocation);
    }
}

/* The loads are the sum over the areas' lists. */
static void loads_are_the_areas_shares_weighted_by_demand(void **)
{
    struct allocation_problem problem = crowd();
    struct allocation *allocation = allocation_new(&problem);
    double sums[MEMBERS] = { 0 }, demand = 0;
    for (size_t c = 0; c < AREAS; c++) {
        struct allocation_list got = allocation_of(allocation, &areas[c], list);
        assert_int_equal(got.per_set, 4);
        expect_near(sum_of(&got), 4, 1e-9);
        for (size_t i = 0; i < got.count; i++) {
            sums[list[i].member] += areas[c].demand * list[i].expected / 4;
        }
        demand += areas[c].demand;
    }
    allocation_results(allocation, loads, factors);
    for (size_t i = 0; i < MEMBERS; i++) {
        expect_near(sums[i] / demand, loads[i], 1e-12);
    }
    allocation_free(allocation);
}

static void starting_from_the_last_factors_takes_fewer_rounds(void **)
{
    struct allocation_problem problem = crowd();
    struct allocation *allocation = allocation_new(&problem);
    unsigned cold = allocation_rounds(allocation);
    allocation_results(allocation, loads, factors);
    allocation_free(allocation);
    problem.factors = factors;
    members[7].capacity *= 1.1;
    allocation = allocation_new(&problem);
    assert_true(allocation_rounds(allocation) < cold / 2);
    assert_true(allocation_worst(allocation) <= 1.1 * 1.005);
    allocation_free(allocation);
}

/* A burst of demand near a lone member: it is held back during the burst, and no longer. */
static void a_member_held_back_is_near_again_after_the_burst(void **)
{
    enum {
        TOKYO = 12,
        ALL
    };
    struct allocation_problem problem = crowd();
    problem.area_count = 2;
    problem.member_count = ALL;
    problem.scale_km = 1000;
    areas[0] = (struct allocation_area){ .point = point_at(52, 5), .demand = 1000 };
    areas[1] = (struct allocation_area){ .point = point_at(36, 138), .demand = 200 };
    for (uint32_t i = 0; i < ALL; i++) {
        members[i] =
            (struct allocation_member){ .point = i == TOKYO ? areas[1].point : areas[0].point,
                                        .capacity = 100,
                                        .group = i,
                                        .ipv4 = true };
    }
    const double demand[] = { 200, 20000, 1000, 200 }, want[] = { 1, 0.355, 0.675, 1 };
    for (size_t i = 0; i < 4; i++) {
        areas[1].demand = demand[i];
        struct allocation *allocation = allocation_new(&problem);
        struct allocation_list got = allocation_of(allocation, &areas[1], list);
        expect_near(expected_of(&got, TOKYO), want[i], 0.005);
        assert_true(allocation_rounds(allocation) < ALLOCATION_ROUNDS / 2);
        allocation_results(allocation, loads, factors);
        allocation_free(allocation);
        problem.factors = factors;
    }
}

static void no_member_and_no_group_is_asked_for_more_than_once_a_set(void **)
{
    struct allocation_problem problem = plain(20);
    members[3].capacity = 100000;
    for (size_t i = 10; i < 15; i++) {
        /* one failure domain of five, half of what the other small ones have */
        members[i].group = 10;
        members[i].capacity = 500;
    }
    problem.max_overload = 1e6;
    struct allocation *allocation = allocation_new(&problem);
    struct allocation_list got = allocation_of(allocation, &areas[0], list);
    double same_domain = 0;
    for (uint32_t i = 10; i < 15; i++) {
        expect_near(expected_of(&got, i), 0.2, 1e-9);
        same_domain += expected_of(&got, i);
    }
    expect_near(expected_of(&got, 3), 1, 1e-9);
    expect_near(same_domain, 1, 1e-9);
    expect_near(expected_of(&got, 0), 2.0 / 14, 1e-9);
    expect_near(sum_of(&got), 4, 1e-9);
    allocation_free(allocation);
}

static void with_few_groups_each_is_in_every_set(void **)
{
    struct allocation_problem problem = plain(12);
    for (size_t i = 0; i < 12; i++) {
        members[i].group = i < 10 ? 0 : i == 10 ? 10 : 11;
    }
    members[11].capacity = 0.001;
    struct allocation *allocation = allocation_new(&problem);
    struct allocation_list got = allocation_of(allocation, &areas[0], list);
    expect_near(expected_of(&got, 10), 1, 1e-9);
    expect_near(expected_of(&got, 11), 1, 1e-9);
    expect_near(expected_of(&got, 4), 0.2, 1e-9);
    expect_near(sum_of(&got), 4, 1e-9);
    allocation_free(allocation);
}

static void a_family_that_is_rare_is_raised_to_one_a_set(void **)
{
    for (unsigned rare = 0; rare < 2; rare++) {
        struct allocation_problem problem = plain(100);
        for (size_t i = 0; i < 100; i++) {
            bool few = i < 3;
            members[i].ipv4 = rare == 0 ? few : !few;
            members[i].ipv6 = rare == 0 ? !few : few;
        }
        members[1].group = members[50].group; /* a group with both families */
        struct allocation *allocation = allocation_new(&problem);
        struct allocation_list got = allocation_of(allocation, &areas[0], list);
        double part = expected_of(&got, 0) + expected_of(&got, 1) + expected_of(&got, 2);
        assert_true(part >= 1 && part < 1.05);
        expect_near(sum_of(&got), 4, 1e-9);
        allocation_free(allocation);
    }
    /* Only one that has it: in every set. With one member a set the rule can't be kept and is
     * none. */
    struct allocation_problem problem = plain(100);
    members[42].ipv6 = true;
    struct allocation *allocation = allocation_new(&problem);
    struct allocation_list got = allocation_of(allocation, &areas[0], list);
    expect_near(expected_of(&got, 42), 1, 1e-3);
    allocation_free(allocation);
    problem.per_set = 1;
    allocation = allocation_new(&problem);
    got = allocation_of(allocation, &areas[0], list);
    expect_near(expected_of(&got, 42), 0.01, 1e-9);
    allocation_free(allocation);
}

static void a_member_without_location_counts_as_an_average_one(void **)
{
    struct allocation_problem problem = crowd();
    problem.max_overload = 100;
    members[5].point.placed = false;
    members[5].capacity = 50;
    double sum = 0, capacity = 0;
    struct allocation *allocation = allocation_new(&problem);
    for (size_t i = 0; i < MEMBERS; i++) {
        if (i != 5) {
            sum += allocation_weight(allocation, &areas[2], &members[i]);
            capacity += members[i].capacity;
        }
    }
    /* by the middle of each lot, which hardly differs */
    expect_near(allocation_weight(allocation, &areas[2], &members[5]) / (50 * sum / capacity), 1,
                0.001);
    /* The list is made of these weights. */
    struct allocation_list got = allocation_of(allocation, &areas[2], list);
    double level = got.level;
    expect_near(expected_of(&got, 5), level * allocation_weight(allocation, &areas[2], &members[5]),
                1e-6);
    allocation_free(allocation);
}

static void without_locations_capacity_alone_decides(void **)
{
    struct allocation_problem problem = crowd();
    areas[0].point.placed = false; /* the world */
    problem.max_overload = 100;
    struct allocation *allocation = allocation_new(&problem);
    struct allocation_list got = allocation_of(allocation, &areas[0], list);
    double all = capacity_of(MEMBERS);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        expect_near(expected_of(&got, i), 4 * members[i].capacity / all, 1e-6);
    }
    allocation_free(allocation);
    problem = plain(50); /* no member has a location */
    allocation = allocation_new(&problem);
    got = allocation_of(allocation, &areas[1], list);
    expect_near(expected_of(&got, 9), 4.0 / 50, 1e-9);
    allocation_free(allocation);
}

static void capacity_zero_is_never_handed_out(void **)
{
    struct allocation_problem problem = plain(10);
    members[4].capacity = 0;
    struct allocation *allocation = allocation_new(&problem);
    struct allocation_list got = allocation_of(allocation, &areas[0], list);
    assert_int_equal(got.count, 9);
    assert_true(expected_of(&got, 4) == 0);
    allocation_free(allocation);
    problem = plain(1);
    members[0].capacity = 0;
    allocation = allocation_new(&problem);
    assert_int_equal(allocation_of(allocation, &areas[0], list).count, 0);
    allocation_free(allocation);
    problem.member_count = 0;
    allocation = allocation_new(&problem);
    assert_int_equal(allocation_of(allocation, &areas[0], list).count, 0);
    allocation_free(allocation);
}

static void small_pools_are_in_every_set(void **)
{
    for (size_t count = 1; count <= 4; count++) {
        struct allocation_problem problem = plain(count);
        members[0].capacity = 1e6;
        struct allocation *allocation = allocation_new(&problem);
        struct allocation_list got = allocation_of(allocation, &areas[3], list);
        assert_int_equal(got.count, count);
        assert_int_equal(got.per_set, count);
        for (size_t i = 0; i < count; i++) {
            assert_true(list[i].expected == 1);
        }
        allocation_free(allocation);
    }
}

/* All members in one country, or one member in every set: limits that can't be met end the search
 * in bounded time. */
static void limits_that_cannot_be_kept_end_the_search(void **)
{
    struct allocation_problem problem = plain(6);
    members[0].capacity = 1e6; /* at most a quarter of all answers: the others must take the rest */
    problem.max_overload = 1.05;
    struct allocation *allocation = allocation_new(&problem);
    assert_int_equal(allocation_rounds(allocation), ALLOCATION_ROUNDS);
    struct allocation_list got = allocation_of(allocation, &areas[0], list);
    expect_near(expected_of(&got, 0), 1, 1e-9);
    expect_near(expected_of(&got, 5), 0.6, 1e-6);
    allocation_free(allocation);
    problem = crowd();
    for (size_t i = 0; i < MEMBERS; i++) {
        members[i].point = point_at(52, 5);
    }
    allocation = allocation_new(&problem);
    assert_true(allocation_worst(allocation) < 1.001);
    allocation_free(allocation);
}

static void without_demand_all_areas_count_alike(void **)
{
    struct allocation_problem problem = crowd();
    for (size_t c = 0; c < AREAS; c++) {
        areas[c].demand = 7;
    }
    struct allocation *allocation = allocation_new(&problem);
    double alike[MEMBERS];
    allocation_results(allocation, alike, factors);
    allocation_free(allocation);
    for (size_t c = 0; c < AREAS; c++) {
        areas[c].demand = 0;
    }
    allocation = allocation_new(&problem);
    allocation_results(allocation, loads, factors);
    for (size_t i = 0; i < MEMBERS; i++) {
        expect_near(loads[i], alike[i], 1e-12);
    }
    allocation_free(allocation);
}

static void a_region_has_its_own_members_only_by_capacity(void **)
{
    struct allocation_problem problem = crowd();
    for (size_t i = 0; i < 20; i++) {
        members[i].regions[i % 2] = 77;
        members[i].regions[1 - i % 2] = 78;
    }
    members[20].regions[0] = 5;
    struct allocation *allocation = allocation_new(&problem);
    struct allocation_area region = { .region = 77 };
    struct allocation_list got = allocation_of(allocation, &region, list);
    assert_int_equal(got.count, 20);
    for (uint32_t i = 0; i < 20; i++) {
        double want = 4 * members[i].capacity / capacity_of(20);
        expect_near(expected_of(&got, i), want, 1e-6);
    }
    region.region = 5;
    assert_int_equal(allocation_of(allocation, &region, list).count, 1);
    assert_true(list[0].member == 20 && list[0].expected == 1);
    region.region = 6;
    assert_int_equal(allocation_of(allocation, &region, list).count, 0);
    allocation_free(allocation);
}

/* With lists of a fraction of the pool, the limit holds in the decks, the whole pool takes part,
 * and answers stay near. */
static void short_lists_do_as_well(void **)
{
    struct allocation_problem problem = crowd();
    problem.max_overload = 2;
    struct allocation *allocation = allocation_new(&problem);
    double km = mean_km(allocation, &problem);
    allocation_free(allocation);
    problem.entries = AREAS * MEMBERS / 4;
    allocation = allocation_new(&problem);
    bool seen[MEMBERS] = { false };
    size_t total = 0;
    for (size_t c = 0; c < AREAS; c++) {
        struct allocation_list got = allocation_of(allocation, &areas[c], list);
        total += got.count;
        expect_near(sum_of(&got), 4, 1e-9);
        for (size_t i = 0; i < got.count; i++) {
            seen[list[i].member] = true;
            assert_true(i == 0 ||
                        members[list[i].member].group >= members[list[i - 1].member].group);
        }
    }
    assert_true(total <= problem.entries + (size_t)AREAS * (2 * ALLOCATION_SET_MAX + 2));
    size_t unseen = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        unseen += !seen[i] && members[i].capacity > 20 ? 1 : 0;
    }
    assert_int_equal(unseen, 0);
    assert_true(allocation_worst(allocation) <= 2 * 1.005);
    assert_true(mean_km(allocation, &problem) < 1.1 * km);
    allocation_free(allocation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_member_gets_more_than_max_overload_times_its_part),
        cmocka_unit_test(loads_are_the_areas_shares_weighted_by_demand),
        cmocka_unit_test(starting_from_the_last_factors_takes_fewer_rounds),
        cmocka_unit_test(a_member_held_back_is_near_again_after_the_burst),
        cmocka_unit_test(no_member_and_no_group_is_asked_for_more_than_once_a_set),
        cmocka_unit_test(with_few_groups_each_is_in_every_set),
        cmocka_unit_test(a_family_that_is_rare_is_raised_to_one_a_set),
        cmocka_unit_test(a_member_without_location_counts_as_an_average_one),
        cmocka_unit_test(without_locations_capacity_alone_decides),
        cmocka_unit_test(capacity_zero_is_never_handed_out),
        cmocka_unit_test(small_pools_are_in_every_set),
        cmocka_unit_test(limits_that_cannot_be_kept_end_the_search),
        cmocka_unit_test(without_demand_all_areas_count_alike),
        cmocka_unit_test(a_region_has_its_own_members_only_by_capacity),
        cmocka_unit_test(short_lists_do_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
