#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "zone/deck.h"

/* Members named a0, a1 ... under pool.test, all of one weight and without a country unless changed. */
static struct roster roster_of(size_t count)
{
    struct roster roster = { .list = xcalloc(count, sizeof(struct candidate)), .count = count };
    roster.names = xcalloc(count, 32);
    struct dname apex;
    assert_int_equal(dname_parse(&apex, "pool.test.", NULL), RESULT_OK);
    for (size_t i = 0; i < count; i++) {
        char label[16];
        struct dname name;
        int len = snprintf(label, sizeof label, "a%zu", i);
        assert_int_equal(dname_prepend(&name, label, (size_t)len, &apex), RESULT_OK);
        roster.list[i] = (struct candidate){
            .member_id = i + 1, .weight = 100, .port = 4460, .target = (uint32_t)roster.names_len
        };
        roster.names[roster.names_len] = name.len;
        memcpy(roster.names + roster.names_len + 1, name.wire, name.len);
        roster.names_len += 1U + name.len;
    }
    return roster;
}

static void roster_free(struct roster *roster)
{
    free(roster->list);
    free(roster->names);
}

static void expect_different_members(const struct deck_set *set, size_t candidates,
                                     unsigned per_set)
{
    uint32_t seen = 0;
    assert_int_equal(set->count, candidates < per_set ? candidates : per_set);
    for (unsigned i = 0; i < set->count; i++) {
        assert_true(set->members[i] < candidates);
        assert_int_equal(seen & 1U << set->members[i], 0);
        seen |= 1U << set->members[i];
    }
}

static void a_set_never_holds_a_member_twice(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (size_t count = 1; count <= 12; count++) {
        struct roster roster = roster_of(count);
        roster.list[0].weight = 1000000; /* one that nearly always comes first */
        roster.list[count - 1].weight = 0;
        for (unsigned per_set = 1; per_set <= DECK_SET_MAX; per_set++) {
            struct decks decks;
            decks_deal(&decks, &roster, per_set, seed++);
            for (size_t s = 0; s < DECK_SETS; s++) {
                expect_different_members(&decks.list[0].sets[s], count, per_set);
            }
            decks_done(&decks);
        }
        roster_free(&roster);
    }
}

/* Chi-square over all ordered pairs of four members: P(a, b) = w_a / W * w_b / (W - w_a). */
static void draws_follow_the_weights_without_replacement(void **state)
{
    (void)state;
    const uint32_t weights[4] = { 10, 20, 30, 340 };
    struct roster roster = roster_of(4);
    for (size_t i = 0; i < 4; i++) {
        roster.list[i].weight = weights[i];
    }
    enum {
        ROUNDS = 1000
    };
    unsigned seen[4][4] = { 0 };
    uint64_t seed = 7;
    for (int round = 0; round < ROUNDS; round++) {
        struct decks decks;
        decks_deal(&decks, &roster, 2, seed++);
        for (size_t s = 0; s < DECK_SETS; s++) {
            const struct deck_set *set = &decks.list[0].sets[s];
            seen[set->members[0]][set->members[1]]++;
        }
        decks_done(&decks);
    }
    double chi_square = 0, total = 400;
    for (size_t a = 0; a < 4; a++) {
        double first = 0;
        for (size_t b = 0; b < 4; b++) {
            if (a != b) {
                double want = (double)ROUNDS * DECK_SETS * weights[a] / total * weights[b] /
                              (total - weights[a]);
                chi_square += (seen[a][b] - want) * (seen[a][b] - want) / want;
                first += seen[a][b];
            }
        }
        /* The first of a set: in proportion to its weight, within 4 standard deviations at most. */
        double want = (double)ROUNDS * DECK_SETS * weights[a] / total;
        assert_true((first - want) * (first - want) < 16 * want);
    }
    assert_int_equal(seen[0][0] + seen[1][1] + seen[2][2] + seen[3][3], 0);
    assert_true(chi_square < 31.3); /* 11 degrees of freedom, p = 0.001 */
    roster_free(&roster);
}

static void a_country_deals_its_own_members_and_others_get_the_world(void **state)
{
    (void)state;
    struct roster roster = roster_of(10);
    const char *countries[] = { "", "", "DE", "DE", "DE", "NL", "NL", "NL", "NL", "ZZ" };
    for (size_t i = 0; i < 10; i++) {
        memcpy(roster.list[i].country, countries[i], strlen(countries[i]) + 1);
    }
    struct decks decks;
    uint64_t seed = 3;
    decks_deal(&decks, &roster, 4, seed);
    assert_int_equal(decks.count, 4);
    const struct deck *world = decks_for(&decks, "");
    assert_ptr_equal(world, &decks.list[0]);
    assert_string_equal(world->country, "");
    const char *elsewhere[] = { "FR", "AA", "nl", "N", "1L", "\xff\xff" };
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        assert_ptr_equal(decks_for(&decks, elsewhere[i]), world);
    }
    const struct deck *germany = decks_for(&decks, "DE"), *last = decks_for(&decks, "ZZ");
    assert_string_equal(germany->country, "DE");
    assert_string_equal(last->country, "ZZ");
    unsigned seen = 0;
    for (size_t s = 0; s < DECK_SETS; s++) {
        assert_int_equal(germany->sets[s].count, 3);
        for (unsigned i = 0; i < 3; i++) {
            assert_in_range(germany->sets[s].members[i], 2, 4);
        }
        assert_int_equal(last->sets[s].count, 1);
        assert_int_equal(last->sets[s].members[0], 9);
        assert_int_equal(world->sets[s].count, 4);
        for (unsigned i = 0; i < 4; i++) {
            seen |= 1U << world->sets[s].members[i];
        }
    }
    assert_int_equal(seen, 1023);
    decks_done(&decks);
    roster_free(&roster);
}

/* What makes a change cheap: other countries' sets, and so their signatures, stay. */
static void a_change_in_one_country_leaves_the_others_sets(void **state)
{
    (void)state;
    struct roster roster = roster_of(40);
    for (size_t i = 0; i < 40; i++) {
        memcpy(roster.list[i].country, i < 20 ? "DE" : "NL", 3);
    }
    struct decks before, after;
    decks_deal(&before, &roster, 4, 7);
    roster.list[3].weight = 5000;
    decks_deal(&after, &roster, 4, 7);
    size_t len = sizeof(before.list[0].sets);
    assert_memory_equal(decks_for(&before, "NL")->sets, decks_for(&after, "NL")->sets, len);
    assert_memory_not_equal(decks_for(&before, "DE")->sets, decks_for(&after, "DE")->sets, len);
    decks_done(&before);
    decks_done(&after);
    roster_free(&roster);
}

static void no_candidates_make_no_decks(void **state)
{
    (void)state;
    struct roster roster = roster_of(0);
    struct decks decks;
    uint64_t seed = 1;
    decks_deal(&decks, &roster, 4, seed);
    assert_int_equal(decks.count, 0);
    assert_null(decks_for(&decks, ""));
    assert_null(decks_for(&decks, "NL"));
    decks_done(&decks);
    roster_free(&roster);
}

static unsigned u16_at(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static void srv_records_name_the_members_of_the_set(void **state)
{
    (void)state;
    struct roster roster = roster_of(12);
    roster.list[11].weight = 300000;
    roster.list[2].weight = 150000;
    roster.list[5].weight = 0;
    roster.list[5].port = 4461;
    struct deck_set set = {
        .count = 3, .members = {11, 2, 5}
    };
    uint8_t scratch[DECK_SRV_SCRATCH];
    struct rrset out;
    deck_srv(&set, &roster, false, 150, scratch, &out);
    assert_int_equal(out.type, RR_SRV);
    assert_int_equal(out.ttl, 150);
    assert_int_equal(out.count, 3);
    assert_true(rrset_check(&out));
    /* Canonical order: by priority, weight, port, target. */
    const uint8_t want[] = "\0\x14\0\0\0\1\x11\x6c\2a2\4pool\4test\0"
                           "\0\x15\0\0\0\1\x11\x6c\3a11\4pool\4test\0"
                           "\0\x14\0\0\0\1\x11\x6d\2a5\4pool\4test";
    assert_int_equal(out.rdata_len, sizeof want);
    assert_memory_equal(out.rdata, want, sizeof want);

    /* By capacity: in proportion, at most 65535, at least 1. */
    deck_srv(&set, &roster, true, 150, scratch, &out);
    assert_int_equal(out.count, 3);
    assert_int_equal(u16_at(out.rdata + 4), 1);
    assert_int_equal(u16_at(out.rdata + 22 + 4), 32767);
    assert_int_equal(u16_at(out.rdata + 44 + 4), 65535);
    roster.list[11].weight = 1000;
    roster.list[2].weight = 10;
    deck_srv(&set, &roster, true, 150, scratch, &out);
    assert_int_equal(u16_at(out.rdata + 22 + 4), 10);
    assert_int_equal(u16_at(out.rdata + 44 + 4), 1000);
    roster_free(&roster);
}

/* RFC 2782: a target of "." says that the service is decidedly not available. */
static void nobody_eligible_makes_the_record_that_says_so(void **state)
{
    (void)state;
    uint8_t scratch[DECK_SRV_SCRATCH];
    struct rrset out;
    deck_srv(NULL, NULL, false, 60, scratch, &out);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.rdata_len, 9);
    assert_memory_equal(out.rdata, "\0\7\0\0\0\0\0\0\0", 9);
}

/* The largest pool of the budgets; the unit tests' time limit is far over what this needs. */
static void a_large_pool_is_dealt(void **state)
{
    (void)state;
    struct roster roster = roster_of(100000);
    for (size_t i = 0; i < roster.count; i++) {
        roster.list[i].country[0] = (char)('A' + i * 200 / roster.count / 26);
        roster.list[i].country[1] = (char)('A' + i * 200 / roster.count % 26);
        roster.list[i].weight = (uint32_t)(1 + i % 1000);
    }
    struct decks decks;
    uint64_t seed = 9;
    decks_deal(&decks, &roster, 8, seed);
    assert_int_equal(decks.count, 201);
    const struct deck *deck = decks_for(&decks, "BC");
    for (unsigned i = 0; i < 8; i++) {
        assert_string_equal(roster.list[deck->sets[63].members[i]].country, "BC");
    }
    decks_done(&decks);
    roster_free(&roster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_never_holds_a_member_twice),
        cmocka_unit_test(draws_follow_the_weights_without_replacement),
        cmocka_unit_test(a_country_deals_its_own_members_and_others_get_the_world),
        cmocka_unit_test(a_change_in_one_country_leaves_the_others_sets),
        cmocka_unit_test(no_candidates_make_no_decks),
        cmocka_unit_test(srv_records_name_the_members_of_the_set),
        cmocka_unit_test(nobody_eligible_makes_the_record_that_says_so),
        cmocka_unit_test(a_large_pool_is_dealt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
