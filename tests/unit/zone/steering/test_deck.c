#include <math.h>

#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"
#include "zone/steering/apportion.h"
#include "zone/steering/deck.h"

enum {
    MEMBERS = 200
};

static struct allocation_member members[MEMBERS];
static struct share list[MEMBERS];
static struct allocation *allocation;
static const struct allocation_area world = { .demand = 1 };

/* Capacities from 1 to 1000, every fifth member of one of ten operators, families as the flags
 * say. */
static void mixed_pool(size_t count, unsigned ipv6_of_10, unsigned ipv6_only_of_10)
{
    uint64_t random = 3;
    for (size_t i = 0; i < count; i++) {
        uint32_t operator=(uint32_t)(splitmix(&random) % 10);
        unsigned family = (unsigned)(splitmix(&random) % 10);
        members[i] = (struct allocation_member){ .capacity = (double)(1 + splitmix(&random) % 1000),
                                                 .group = i % 5 == 0 ? operator: (uint32_t)(i + 10),
                                                 .ipv4 = family >= ipv6_only_of_10,
                                                 .ipv6 = family < ipv6_of_10 };
    }
}

static struct deck_plan plan_of(size_t count, unsigned per_set, size_t sets)
{
    const struct allocation_problem problem = { .areas = &world,
                                                .area_count = 1,
                                                .members = members,
                                                .member_count = count,
                                                .per_set = per_set,
                                                .max_overload = 100,
                                                .scale_km = 1000,
                                                .entries = ALLOCATION_ENTRIES };
    allocation_free(allocation);
    allocation = allocation_new(&problem);
    struct allocation_list got = allocation_of(allocation, &world, list);
    return (struct deck_plan){ .list = list,
                               .list_count = got.count,
                               .per_set = got.per_set,
                               .sets = sets,
                               .members = members,
                               .seed = 17 };
}

static int tear_down(void **)
{
    allocation_free(allocation);
    allocation = NULL;
    return 0;
}

static unsigned of_family(const struct deck_set *set, bool ipv6)
{
    unsigned count = 0;
    for (unsigned i = 0; i < set->count; i++) {
        const struct allocation_member *member = &members[set->members[i]];
        count += (ipv6 ? member->ipv6 : member->ipv4) ? 1 : 0;
    }
    return count;
}

/* The number of pairs of one failure domain in a set; a member twice is a pair too. */
static unsigned pairs_of_one_domain(const struct deck_set *set)
{
    unsigned pairs = 0;
    for (unsigned i = 0; i < set->count; i++) {
        for (unsigned j = 0; j < i; j++) {
            assert_true(set->members[i] != set->members[j]);
            pairs += members[set->members[i]].group == members[set->members[j]].group ? 1 : 0;
        }
    }
    return pairs;
}

static void count_members(const struct deck *deck, double *counts)
{
    for (size_t s = 0; s < deck->count; s++) {
        for (unsigned i = 0; i < deck->sets[s].count; i++) {
            counts[deck->sets[s].members[i]]++;
        }
    }
}

static void one_deck_gives_each_member_its_part_to_a_set(void **)
{
    mixed_pool(MEMBERS, 6, 1);
    for (size_t sets = DECK_SETS_MIN; sets <= DECK_SETS_MAX; sets *= 2) {
        for (unsigned per_set = 2; per_set <= DECK_SET_MAX; per_set++) {
            struct deck_plan plan = plan_of(MEMBERS, per_set, sets);
            struct deck deck;
            double counts[MEMBERS] = { 0 }, total = 0;
            deck_deal(&deck, &plan);
            assert_int_equal(deck.count, sets);
            count_members(&deck, counts);
            for (size_t i = 0; i < plan.list_count; i++) {
                double want = list[i].expected * (double)sets;
                assert_true(fabs(counts[list[i].member] - want) < 1);
                total += counts[list[i].member];
            }
            assert_true(total == (double)(sets * per_set));
            deck_done(&deck);
        }
    }
}

/* Clients use less than a whole deck before the next one is dealt. With random order the most
 * frequent members would be off by up to fifty sets. */
static void any_piece_of_a_deck_gives_each_member_its_part(void **)
{
    mixed_pool(MEMBERS, 6, 1);
    struct deck_plan plan = plan_of(MEMBERS, 4, DECK_SETS_MAX);
    struct deck deck;
    double most = 0;
    uint64_t random = 5;
    deck_deal(&deck, &plan);
    for (unsigned piece = 0; piece < 2000; piece++) {
        size_t first = splitmix(&random) % deck.count, len = 1 + splitmix(&random) % deck.count;
        double counts[MEMBERS] = { 0 };
        for (size_t s = 0; s < len; s++) {
            const struct deck_set *set = &deck.sets[(first + s) % deck.count];
            for (unsigned i = 0; i < set->count; i++) {
                counts[set->members[i]]++;
            }
        }
        for (size_t i = 0; i < plan.list_count; i++) {
            most = fmax(most, fabs(counts[list[i].member] - list[i].expected * (double)len));
        }
    }
    assert_true(most < 4);
    deck_done(&deck);
}

/* At any time each member has had its part, even one with far less than a slot per deck: the
 * deviation is less than APPORTION_DEFICIT_MAX slots (test_apportion says why). With purely random
 * rounding, many would be off by dozens. And the stated deficit is the real one. */
static void many_deals_are_exact_also_for_the_smallest(void **)
{
    enum {
        ROUNDS = 1000,
        SETS = 16
    };
    mixed_pool(MEMBERS, 6, 1);
    struct deck_plan plan = plan_of(MEMBERS, 4, SETS);
    double counts[MEMBERS] = { 0 }, deficit[MEMBERS] = { 0 };
    plan.deficit = deficit;
    plan.value = 1;
    for (plan.round = 0; plan.round < ROUNDS; plan.round++) {
        struct deck deck;
        deck_deal(&deck, &plan);
        count_members(&deck, counts);
        deck_done(&deck);
        for (size_t i = 0; i < plan.list_count; i++) {
            double want = list[i].expected * SETS * (double)(plan.round + 1);
            double missing = want - counts[list[i].member]; /* of up to 16,000 */
            assert_true(fabs(missing) < APPORTION_DEFICIT_MAX);
            assert_true(fabs(missing - deficit[list[i].member]) < 1e-6);
        }
    }
}

static void chi_square_of_200000_draws_from_cells_is_not_rejected(void **)
{
    enum {
        AREAS = 20,
        SETS = 64,
        DRAWS = 200000,
        PER_DEAL = 2000
    };
    static struct allocation_area areas[AREAS];
    static struct share lists[AREAS][MEMBERS];
    struct allocation_list got[AREAS];
    uint64_t random = 23;
    mixed_pool(MEMBERS, 6, 1);
    for (size_t i = 0; i < MEMBERS; i++) {
        members[i].point = point_at((double)(splitmix(&random) % 100) - 50,
                                    (double)(splitmix(&random) % 360) - 180);
    }
    for (size_t c = 0; c < AREAS; c++) {
        areas[c] = (struct allocation_area){ .point = members[c].point, .demand = 1 };
    }
    struct allocation_problem problem = { areas, AREAS, members, MEMBERS,
                                          4,     2,     1500,    ALLOCATION_ENTRIES,
                                          1,     NULL,  false };
    struct allocation *mixed = allocation_new(&problem);
    double loads[MEMBERS], factors[MEMBERS], counts[MEMBERS] = { 0 }, deficit[MEMBERS] = { 0 };
    allocation_results(mixed, loads, factors);
    for (size_t c = 0; c < AREAS; c++) {
        got[c] = allocation_of(mixed, &areas[c], lists[c]);
    }
    for (uint64_t draw = 0; draw < DRAWS; draw += PER_DEAL) {
        struct deck decks[AREAS];
        size_t turns[AREAS];
        for (size_t c = 0; c < AREAS; c++) {
            const struct deck_plan plan = {
                lists[c], got[c].count,    got[c].per_set, SETS, members,
                c,        draw / PER_DEAL, deficit,        1
            };
            deck_deal(&decks[c], &plan);
            turns[c] = splitmix(&random) % SETS;
        }
        for (size_t i = 0; i < PER_DEAL; i++) {
            size_t c = splitmix(&random) % AREAS;
            const struct deck_set *set = &decks[c].sets[turns[c]++ % SETS];
            for (unsigned m = 0; m < set->count; m++) {
                counts[set->members[m]]++;
            }
        }
        for (size_t c = 0; c < AREAS; c++) {
            deck_done(&decks[c]);
        }
    }
    double chi_square = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        double want = loads[i] * 4 * DRAWS;
        chi_square += (counts[i] - want) * (counts[i] - want) / want;
    }
    assert_true(chi_square < 249.4); /* 199 degrees of freedom, 1 % */
    allocation_free(mixed);
}

static void no_set_has_two_of_a_failure_domain_while_there_are_others(void **)
{
    mixed_pool(MEMBERS, 6, 1);
    unsigned sets = 0, pairs = 0;
    for (unsigned per_set = 2; per_set <= DECK_SET_MAX; per_set++) {
        struct deck_plan plan = plan_of(MEMBERS, per_set, DECK_SETS_MAX);
        for (plan.round = 0; plan.round < 120; plan.round++) {
            struct deck deck;
            deck_deal(&deck, &plan);
            for (size_t s = 0; s < deck.count; s++, sets++) {
                assert_int_equal(deck.sets[s].count, per_set);
                pairs += pairs_of_one_domain(&deck.sets[s]);
            }
            deck_done(&deck);
        }
    }
    assert_true(sets >= 200000);
    assert_int_equal(pairs, 0);
}

static void with_few_groups_each_is_in_every_set(void **)
{
    mixed_pool(60, 10, 0);
    for (uint32_t i = 0; i < 60; i++) {
        members[i].group = i < 40 ? 0 : i < 59 ? 1 : 2;
    }
    struct deck_plan plan = plan_of(60, 5, 64);
    struct deck deck;
    deck_deal(&deck, &plan);
    assert_true(deck.few_groups);
    for (size_t s = 0; s < deck.count; s++) {
        unsigned groups = 0;
        assert_int_equal(deck.sets[s].count, 5);
        (void)pairs_of_one_domain(&deck.sets[s]); /* no member twice */
        for (unsigned i = 0; i < 5; i++) {
            groups |= 1U << members[deck.sets[s].members[i]].group;
        }
        assert_int_equal(groups, 7);
    }
    deck_done(&deck);
}

/* From families in equal parts to one that a single member has. */
static void family_pool(unsigned kind)
{
    static const unsigned ipv6[] = { 6, 1, 10, 10, 10, 10 }, ipv6_only[] = { 0, 0, 6, 9, 0, 0 };
    mixed_pool(MEMBERS, ipv6[kind], ipv6_only[kind]);
    for (size_t i = 0; kind >= 4 && i < MEMBERS; i++) {
        members[i].ipv6 = i == 31 || (kind == 5 && i % 50 == 0);
    }
}

static void expect_both_families(const struct deck *deck)
{
    for (size_t s = 0; s < deck->count; s++) {
        assert_true(of_family(&deck->sets[s], false) > 0);
        assert_true(of_family(&deck->sets[s], true) > 0);
        assert_int_equal(pairs_of_one_domain(&deck->sets[s]), 0);
    }
}

static void every_set_has_both_families(void **)
{
    for (unsigned kind = 0; kind < 6; kind++) {
        family_pool(kind);
        for (unsigned per_set = 2; per_set <= 4; per_set++) {
            struct deck_plan plan = plan_of(MEMBERS, per_set, 64);
            for (plan.round = 0; plan.round < 50; plan.round++) {
                struct deck deck;
                deck_deal(&deck, &plan);
                expect_both_families(&deck);
                deck_done(&deck);
            }
        }
    }
}

static void neighbours_vary_within_a_deck(void **)
{
    mixed_pool(MEMBERS, 6, 1);
    members[100].capacity = 20000; /* in many sets */
    struct deck_plan plan = plan_of(MEMBERS, 4, DECK_SETS_MAX);
    struct deck deck;
    bool met[MEMBERS] = { false };
    unsigned first = 0, in = 0, others = 0;
    deck_deal(&deck, &plan);
    for (size_t s = 0; s < deck.count; s++) {
        const struct deck_set *set = &deck.sets[s];
        bool has = false;
        for (unsigned i = 0; i < set->count; i++) {
            has = has || set->members[i] == 100;
        }
        first += set->members[0] == 100 ? 1 : 0;
        in += has ? 1 : 0;
        for (unsigned i = 0; has && i < set->count; i++) {
            met[set->members[i]] = true;
        }
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        others += met[i] ? 1 : 0;
    }
    assert_true(others > 100);
    /* The first of a set: each alike. 100 is in about 130 sets. */
    assert_true(in > 100 && first > in / 4 - 25 && first < in / 4 + 25);
    deck_done(&deck);
}

static void the_same_plan_deals_the_same_and_another_round_another(void **)
{
    mixed_pool(MEMBERS, 6, 1);
    struct deck_plan plan = plan_of(MEMBERS, 4, 64);
    struct deck a, b;
    deck_deal(&a, &plan);
    deck_deal(&b, &plan);
    assert_memory_equal(a.sets, b.sets, 64 * sizeof(a.sets[0]));
    deck_done(&b);
    plan.round++;
    deck_deal(&b, &plan);
    assert_memory_not_equal(a.sets, b.sets, 64 * sizeof(a.sets[0]));
    deck_done(&a);
    deck_done(&b);
}

static void a_member_that_leaves_is_replaced_where_it_was_and_nowhere_else(void **)
{
    mixed_pool(MEMBERS, 6, 1);
    struct deck_plan plan = plan_of(MEMBERS, 4, 64);
    struct deck deck, before;
    uint64_t random = 5;
    deck_deal(&deck, &plan);
    deck_deal(&before, &plan);
    double held[MEMBERS] = { 0 };
    count_members(&deck, held);
    members[17].capacity = members[60].capacity = 0;
    size_t changed = deck_leave(&deck, members, &random), different = 0;
    assert_true(changed > 0 && (double)changed <= held[17] + held[60]);
    for (size_t s = 0; s < deck.count; s++) {
        different +=
            memcmp(deck.sets[s].members, before.sets[s].members, sizeof(deck.sets[s].members)) != 0
                ? 1
                : 0;
        assert_int_equal(deck.sets[s].count, 4);
        assert_int_equal(pairs_of_one_domain(&deck.sets[s]), 0);
        assert_true(of_family(&deck.sets[s], false) > 0 && of_family(&deck.sets[s], true) > 0);
        for (unsigned i = 0; i < 4; i++) {
            assert_true(deck.sets[s].members[i] != 17 && deck.sets[s].members[i] != 60);
        }
    }
    assert_int_equal(different, changed);
    deck_done(&before);
    deck_done(&deck);
}

static void no_member_is_left_when_all_leave(void **)
{
    mixed_pool(6, 10, 0);
    for (uint32_t i = 0; i < 6; i++) {
        members[i].group = i;
    }
    struct deck_plan plan = plan_of(6, 4, 8);
    struct deck deck;
    uint64_t random = 5;
    deck_deal(&deck, &plan);
    for (size_t gone = 0; gone < 6; gone++) {
        members[gone].capacity = 0;
        assert_true(deck_leave(&deck, members, &random) > 0);
        for (size_t s = 0; s < deck.count; s++) {
            assert_int_equal(deck.sets[s].count, 5 - gone < 4 ? 5 - gone : 4);
        }
    }
    deck_done(&deck);
}

static void a_new_member_gets_its_part(void **)
{
    mixed_pool(MEMBERS, 6, 1);
    members[0].capacity = 0;
    members[0].group = 5;
    members[0].ipv4 = true;
    struct deck_plan plan = plan_of(MEMBERS, 4, 64);
    struct deck deck;
    uint64_t random = 5;
    double counts[MEMBERS] = { 0 };
    deck_deal(&deck, &plan);
    members[0].capacity = 500;
    size_t changed = deck_join(&deck, members, 0, 0.25, 4, &random);
    count_members(&deck, counts);
    assert_true(changed == 16 && counts[0] == 16);
    for (size_t s = 0; s < deck.count; s++) {
        assert_int_equal(pairs_of_one_domain(&deck.sets[s]), 0);
        assert_true(of_family(&deck.sets[s], false) > 0 && of_family(&deck.sets[s], true) > 0);
    }
    /* A small part is right on average. */
    size_t total = 0;
    for (int i = 0; i < 1000; i++) {
        total += deck_join(&deck, members, 0, 0.001, 4, &random);
    }
    assert_true(total > 64 - 40 && total < 64 + 40);
    deck_done(&deck);
}

static void no_candidates_make_no_deck(void **)
{
    struct deck_plan plan = { .per_set = 4, .sets = 8, .members = members };
    struct deck deck;
    uint64_t random = 1;
    deck_deal(&deck, &plan);
    assert_int_equal(deck.count, 0);
    assert_int_equal(deck_leave(&deck, members, &random), 0);
    assert_int_equal(deck_join(&deck, members, 0, 1, 4, &random), 0);
    deck_done(&deck);
}

static void busy_cells_have_larger_decks(void **)
{
    assert_int_equal(deck_size(0, 10000), DECK_SETS_MIN);
    assert_int_equal(deck_size(0.0031, 10000), 16);
    assert_int_equal(deck_size(0.01, 10000), 64);
    assert_int_equal(deck_size(1, 10000), DECK_SETS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_deck_gives_each_member_its_part_to_a_set),
        cmocka_unit_test(any_piece_of_a_deck_gives_each_member_its_part),
        cmocka_unit_test(many_deals_are_exact_also_for_the_smallest),
        cmocka_unit_test(chi_square_of_200000_draws_from_cells_is_not_rejected),
        cmocka_unit_test(no_set_has_two_of_a_failure_domain_while_there_are_others),
        cmocka_unit_test(with_few_groups_each_is_in_every_set),
        cmocka_unit_test(every_set_has_both_families),
        cmocka_unit_test(neighbours_vary_within_a_deck),
        cmocka_unit_test(the_same_plan_deals_the_same_and_another_round_another),
        cmocka_unit_test(a_member_that_leaves_is_replaced_where_it_was_and_nowhere_else),
        cmocka_unit_test(no_member_is_left_when_all_leave),
        cmocka_unit_test(a_new_member_gets_its_part),
        cmocka_unit_test(no_candidates_make_no_deck),
        cmocka_unit_test(busy_cells_have_larger_decks),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
