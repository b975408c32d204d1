#include <math.h>

#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"
#include "zone/steering/apportion.h"

enum {
    MEMBERS = 300,
    SETS = 16,
    PER_SET = 4
};

static struct allocation_member members[MEMBERS];
static struct share list[MEMBERS];
static double deficit[MEMBERS];
static const struct allocation_area world = { .demand = 1 };

/* Capacities from 1 to 1000 or, steep, from 1 to 1,000,000; every fifth member of one of ten
 * operators. */
static void make_pool(size_t count, bool steep, uint64_t random)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t operator=(uint32_t)(splitmix(&random) % 10);
        double log10 = (double)(splitmix(&random) % 1000) / (steep ? 166 : 333);
        members[i] = (struct allocation_member){ .capacity = pow(10, log10),
                                                 .group = i % 5 == 0 ? operator: (uint32_t)(i + 10),
                                                 .ipv4 = true };
        deficit[i] = 0;
    }
}

/* The shares of members with capacity. */
static struct apportion_plan plan_of(size_t count)
{
    const struct allocation_problem problem = { .areas = &world,
                                                .area_count = 1,
                                                .members = members,
                                                .member_count = count,
                                                .per_set = PER_SET,
                                                .max_overload = 100,
                                                .scale_km = 1000,
                                                .entries = ALLOCATION_ENTRIES };
    struct allocation *allocation = allocation_new(&problem);
    struct allocation_list got = allocation_of(allocation, &world, list);
    allocation_free(allocation);
    return (struct apportion_plan){ .list = list,
                                    .list_count = got.count,
                                    .members = members,
                                    .per_set = got.per_set,
                                    .sets = SETS };
}

/* The slot counts of one more deal, by index into the list; updates the deficits. */
static void deal(struct apportion_plan *plan, uint32_t *count)
{
    uint32_t slot[MEMBERS + 1] = { 0 };
    plan->deficit = deficit;
    apportion(plan, slot);
    for (size_t i = 0; i < plan->list_count; i++) {
        count[i] = slot[i + 1] - slot[i];
        deficit[list[i].member] += list[i].expected * SETS - count[i];
    }
    plan->round++;
}

static uint32_t group_at(size_t i)
{
    return members[list[i].member].group;
}

static void each_gets_its_part_rounded_up_or_down_and_so_does_its_group(void **)
{
    make_pool(MEMBERS, true, 1);
    struct apportion_plan plan = plan_of(MEMBERS);
    for (unsigned round = 0; round < 100; round++) {
        uint32_t count[MEMBERS], total = 0;
        deal(&plan, count);
        for (size_t i = 0, end = 0; i < plan.list_count; i = end) {
            double part = 0;
            uint32_t got = 0;
            for (end = i; end < plan.list_count && group_at(end) == group_at(i); end++) {
                double slots = list[end].expected * SETS;
                assert_true(fabs(count[end] - slots) < 1);
                part += slots;
                got += count[end];
            }
            assert_true(fabs(got - part) < 1 && got <= SETS);
            total += got;
        }
        assert_int_equal(total, SETS * PER_SET);
    }
}

/* Members get their shares but for the deficit: in twenty pools, at any time of 1,000 deals. The
 * variance is about 1 / (2 * APPORTION_PULL), one slot, so APPORTION_DEFICIT_MAX is eight standard
 * deviations. The largest deficit here is 6.5. */
static void no_member_is_ever_off_by_more_than_a_few_slots(void **)
{
    for (uint64_t pool = 0; pool < 20; pool++) {
        size_t size = 20 + 280 * (pool % 2);
        make_pool(size, pool % 4 < 2, pool);
        struct apportion_plan plan = plan_of(size);
        for (unsigned round = 1; round <= 1000; round++) {
            uint32_t count[MEMBERS];
            deal(&plan, count);
            for (size_t i = 0; i < plan.list_count; i++) {
                assert_true(fabs(deficit[list[i].member]) < APPORTION_DEFICIT_MAX);
            }
        }
    }
}

/* In each deal, all shares change by up to a tenth, some members leave and some that left come
 * back. */
static void no_member_is_off_while_members_come_and_go(void **)
{
    double capacity[MEMBERS];
    uint64_t random = 5;
    make_pool(MEMBERS, true, 2);
    for (size_t i = 0; i < MEMBERS; i++) {
        capacity[i] = members[i].capacity;
    }
    for (uint64_t round = 0; round < 3000; round++) {
        for (size_t i = 0; i < MEMBERS; i++) {
            bool up = members[i].capacity > 0;
            up = up ? splitmix(&random) % 200 != 0 : splitmix(&random) % 20 == 0;
            double moved = 1 + (double)(splitmix(&random) % 1000) / 10000;
            members[i].capacity = up ? capacity[i] * moved : 0;
        }
        struct apportion_plan plan = plan_of(MEMBERS);
        plan.round = round;
        uint32_t count[MEMBERS];
        deal(&plan, count);
        for (size_t i = 0; i < plan.list_count; i++) {
            assert_true(fabs(deficit[list[i].member]) < APPORTION_DEFICIT_MAX);
        }
    }
}

/* Two groups for four slots, one of them of a single member. */
static void with_few_groups_each_has_a_slot_in_every_set(void **)
{
    make_pool(30, false, 3);
    for (size_t i = 0; i < 30; i++) {
        members[i].group = i == 7 ? 1 : 0;
    }
    struct apportion_plan plan = plan_of(30);
    for (unsigned round = 0; round < 200; round++) {
        uint32_t count[MEMBERS], total = 0;
        deal(&plan, count);
        for (size_t i = 0; i < plan.list_count; i++) {
            assert_true(count[i] <= SETS);
            assert_true(list[i].member != 7 || count[i] == SETS);
            assert_true(fabs(deficit[list[i].member]) < APPORTION_DEFICIT_MAX);
            total += count[i];
        }
        assert_int_equal(total, SETS * PER_SET);
    }
}

/* A deficit from one area is made up in all areas, and yet each area gives a member its part, as if
 * drawn by its share alone: of three areas, the last one prefers the members that the others prefer
 * least. */
static void areas_keep_their_parts(void **)
{
    enum {
        AREAS = 3,
        ROUNDS = 4000
    };
    static struct share lists[AREAS][MEMBERS];
    static double given[AREAS][MEMBERS];
    struct apportion_plan plans[AREAS];
    for (size_t a = 0; a < AREAS; a++) {
        make_pool(MEMBERS, true, 7);
        for (size_t i = 0; i < MEMBERS; i++) {
            members[i].capacity = a < 2 ? members[i].capacity : 1e6 / members[i].capacity;
        }
        plans[a] = plan_of(MEMBERS);
        plans[a].seed = a;
        memcpy(lists[a], list, sizeof(list));
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t a = 0; a < AREAS; a++) {
            uint32_t count[MEMBERS];
            memcpy(list, lists[a], sizeof(list));
            deal(&plans[a], count);
            for (size_t i = 0; i < plans[a].list_count; i++) {
                given[a][i] += count[i];
            }
        }
    }
    for (size_t a = 0; a < AREAS; a++) {
        for (size_t i = 0; i < plans[a].list_count; i++) {
            double slots = lists[a][i].expected * SETS, part = slots - floor(slots);
            double off = given[a][i] - slots * ROUNDS, sigma = sqrt(part * (1 - part) * ROUNDS);
            assert_true(fabs(off) < 4 * sigma + APPORTION_DEFICIT_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gets_its_part_rounded_up_or_down_and_so_does_its_group),
        cmocka_unit_test(no_member_is_ever_off_by_more_than_a_few_slots),
        cmocka_unit_test(no_member_is_off_while_members_come_and_go),
        cmocka_unit_test(areas_keep_their_parts),
        cmocka_unit_test(with_few_groups_each_has_a_slot_in_every_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
