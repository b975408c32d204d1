#include "tests/unit/deal_fixture.h"
#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"

static bool holds(const struct deck_set *set, uint32_t index)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (set->members[i] == index) {
            return true;
        }
    }
    return false;
}

static size_t sets_with(const struct deal *deal, uint32_t index)
{
    size_t sets = 0;
    for (size_t a = 0; a < deal->area_count; a++) {
        const struct deck *deck = &deal->rings[a]->deck;
        for (size_t s = 0; s < deck->count; s++) {
            sets += holds(&deck->sets[s], index) ? 1 : 0;
        }
    }
    return sets;
}

static size_t all_sets(const struct deal *deal)
{
    size_t sets = 0;
    for (size_t a = 0; a < deal->area_count; a++) {
        sets += deal->rings[a]->count;
    }
    return sets;
}

static void the_first_deal_is_due_at_once(void **)
{
    struct deal *quick = next_deal(NULL, candidates_with(NULL, POOL, NOBODY), NOW);
    assert_true(deal_is_due(quick, NOW));
    assert_int_equal(quick->rings[0]->deck.sets[0].count, settings.srv_count);
    struct deal *scaled = deal_anew(quick, NOW);
    assert_false(deal_is_due(scaled, NOW));
    assert_true(deal_is_due(scaled, NOW + settings.srv_ttl_s));
    assert_true(deal_is_due(scaled, NOW - 1)); /* the clock was set back */
    deal_unref(quick);
    deal_unref(scaled);
}

static void nothing_new_is_the_same_deal(void **)
{
    struct deal *first = first_deal(POOL, NOBODY);
    struct deal *second =
        next_deal(first, candidates_with(&first->candidates, POOL, NOBODY), NOW + 1);
    assert_ptr_equal(first, second);
    deal_unref(first);
    deal_unref(second);
}

/* A deal takes time to compute. A change that happens meanwhile is worked into it. */
static void a_change_during_a_deal_is_worked_into_it(void **)
{
    atomic_bool give_up = false;
    struct deal_parts parts = parts_at(NOW + settings.srv_ttl_s);
    struct deal *first = first_deal(POOL, NOBODY), *anew = NULL;
    parts.give_up = &give_up;
    assert_ok(deal_again(&anew, &parts, first));
    assert_int_equal(anew->round, first->round + 1);
    assert_true(sets_with(anew, 77) > 0);
    struct deal *left = next_deal(anew, candidates_with(&anew->candidates, POOL, 77), parts.now);
    assert_int_equal(left->round, anew->round);
    assert_int_equal(sets_with(left, 77), 0);
    atomic_store(&give_up, true);
    struct deal *none = NULL;
    assert_int_equal(deal_again(&none, &parts, first), RESULT_REFUSED);
    deal_unref(first);
    deal_unref(anew);
    deal_unref(left);
}

/* A deal is due after the SRV TTL or a minute, whichever is earlier. Its shares are never older
 * than a minute either, however often deals are made in between. */
static void a_deal_is_due_after_its_ttl_or_a_minute(void **)
{
    static const struct {
        uint32_t ttl_s;
        uint64_t due_s;
    } rows[] = { { 150, 60 }, { 60, 60 }, { 45, 45 }, { 1, 1 }, { 900, 60 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        settings.srv_ttl_s = rows[i].ttl_s;
        struct deal *deal = first_deal(3, NOBODY);
        assert_false(deal_is_due(deal, NOW + rows[i].due_s - 1));
        assert_true(deal_is_due(deal, NOW + rows[i].due_s));
        assert_true(deal_is_due(deal, NOW - 1));
        deal_unref(deal);
    }
    settings.srv_ttl_s = 45;
    struct deal *first = first_deal(3, NOBODY);
    struct deal *second = deal_anew(first, NOW + 45);
    assert_int_equal(second->scaled_at, NOW);
    assert_false(deal_is_due(second, NOW + 59));
    assert_true(deal_is_due(second, NOW + 60));
    struct deal *third = deal_anew(second, NOW + 60);
    assert_int_equal(third->scaled_at, NOW + 60);
    deal_unref(first);
    deal_unref(second);
    deal_unref(third);
}

static size_t sets_of(const struct deal *deal, uint16_t cell)
{
    return deal->rings[steering_area(&deal->shared->steering, cell)]->deck.count;
}

/* The fraction of the answers to a cell's clients that hold this member. */
static double part_of(const struct deal *deal, uint16_t cell, uint32_t index)
{
    const struct deck *deck = &deal->rings[steering_area(&deal->shared->steering, cell)]->deck;
    size_t sets = 0;
    for (size_t s = 0; s < deck->count; s++) {
        sets += holds(&deck->sets[s], index) ? 1 : 0;
    }
    return (double)sets / (double)deck->count;
}

/* With little demand from Japan, the only member there is in all of Japan's sets. With most demand
 * from there, it can't be. */
static void allocation_follow_the_demand_within_a_minute(void **)
{
    enum {
        MEMBERS = 64,
        JAPANS = 3
    };
    size_t count = 0;
    double asked[32] = { 0 };
    const struct cell *cells = locations_cells(places->locations, &count);
    assert_true(count <= sizeof(asked) / sizeof(asked[0]));
    uint16_t jp = cell_number(cells, count, "JP", "");
    uint16_t nl = cell_number(cells, count, "NL", "");
    asked[nl] = 1000;
    asked[jp] = 1;
    demand.by_cell = asked;
    settings.scale_km = 500;
    struct candidates candidates = candidates_with(NULL, MEMBERS, NOBODY);
    for (size_t i = 0; i < MEMBERS; i++) {
        candidates.inputs[i].point = i == JAPANS ? point_at(35.7, 139.7) : point_at(52, 5);
        candidates.inputs[i].capacity = candidates.list[i].weight = 100;
    }
    struct candidates same;
    candidates_copy(&same, &candidates);
    struct deal *quick = next_deal(NULL, candidates, NOW);
    struct deal *before = deal_anew(quick, NOW);
    /* if the share is just below 1, rounding may cost one set */
    assert_true(part_of(before, jp, JAPANS) > 1 - 1.5 / (double)sets_of(before, jp));
    asked[nl] = 1;
    asked[jp] = 1000;
    struct deal *soon = next_deal(before, same, NOW + DEAL_AGE_MAX_S - 1);
    assert_ptr_equal(soon, before);
    struct deal *after = deal_anew(soon, NOW + DEAL_AGE_MAX_S);
    /* Of four slots per set, its limit is max-overload (2) * 1/64. */
    assert_true(part_of(after, jp, JAPANS) < 4 * 2.0 / MEMBERS * 1.1);
    deal_unref(quick);
    deal_unref(before);
    deal_unref(soon);
    deal_unref(after);
    demand.by_cell = NULL;
}

/* The candidates that are in one more of the world's sets than the others. */
static void rounded_up(const struct deal *deal, size_t count, bool *up)
{
    const struct deck *deck = &deal->rings[0]->deck;
    for (size_t i = 0; i < count; i++) {
        size_t sets = 0;
        for (size_t k = 0; k < deck->count; k++) {
            sets += holds(&deck->sets[k], (uint32_t)i) ? 1 : 0;
        }
        assert_true(sets == deck->count * 4 / count || sets == deck->count * 4 / count + 1);
        up[i] = sets > deck->count * 4 / count;
    }
}

/* A member that was rounded up under high demand is not rounded up the next time. By chance 16 of
 * the 60 members would be. */
static void a_crowd_is_made_up_for(void **)
{
    enum {
        MEMBERS = 60,
        DEALS = 4
    };
    bool up[DEALS][MEMBERS];
    settings.srv_count = 4;
    struct places *saved = places;
    places = NULL;
    struct candidates candidates = candidates_with(NULL, MEMBERS, NOBODY);
    for (size_t i = 0; i < MEMBERS; i++) {
        candidates.inputs[i].capacity = candidates.list[i].weight = 100;
    }
    struct deal *deal = next_deal(NULL, candidates, NOW);
    for (unsigned d = 0; d < DEALS; d++) {
        uint64_t *asked = xcalloc(deal->area_count, sizeof(*asked));
        demand = (struct demand){ .round = deal->round, .asked = asked };
        asked[0] = d % 2 == 0 ? 100000 : 1000000;
        rounded_up(deal, MEMBERS, up[d]);
        struct deal *next = deal_anew(deal, NOW + (uint64_t)DEAL_AGE_MAX_S * (d + 1));
        deal_unref(deal);
        deal = next;
        free(asked);
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_false(up[1][i] && up[2][i]);
    }
    deal_unref(deal);
    demand = (struct demand){ .round = 0 };
    places = saved;
}

/* The cost of a change. A member that leaves is replaced in its sets, and only these are signed. A
 * member that joins gets its share of sets. */
static void a_change_signs_what_it_touches(void **)
{
    struct deal *first = first_deal(POOL, NOBODY);
    uint64_t before = signer_made(signer);
    size_t held = sets_with(first, 77);
    assert_true(held > 0);
    struct deal *left = next_deal(first, candidates_with(&first->candidates, POOL, 77), NOW + 1);
    size_t signatures = signer_made(signer) - before, shared = 0;
    assert_int_equal(sets_with(left, 77), 0);
    assert_true(signatures <= held && held < all_sets(first) / 50);
    assert_int_equal(left->dealt_at, NOW);
    for (size_t a = 0; a < left->area_count; a++) {
        shared += left->rings[a] == first->rings[a] ? 1 : 0;
    }
    assert_true(shared > 0);
    before = signer_made(signer);
    struct deal *back = next_deal(left, candidates_with(&left->candidates, POOL, NOBODY), NOW + 2);
    size_t got = sets_with(back, 77);
    assert_true(got > 0 && got < 2 * held + 20);
    assert_true(signer_made(signer) - before <= got);
    deal_unref(first);
    deal_unref(left);
    deal_unref(back);
}

/* Every set of a patched deal has its members' records, and its blocks have the same number of
 * records. */
static void a_patched_deal_says_what_its_sets_hold(void **)
{
    struct deal *first = first_deal(POOL, NOBODY);
    struct deal *left = next_deal(first, candidates_with(&first->candidates, POOL, 3), NOW + 1);
    for (size_t a = 0; a < left->area_count; a++) {
        const struct srv_ring *ring = left->rings[a];
        for (size_t s = 0; s < ring->count; s++) {
            uint8_t scratch[DECK_SRV_SCRATCH];
            struct rrset want;
            deck_srv(&ring->deck.sets[s], &left->candidates, false, settings.srv_ttl_s, scratch,
                     &want);
            assert_int_equal(want.rdata_len, ring->srv[s].rdata_len);
            assert_memory_equal(want.rdata, ring->srv[s].rdata, want.rdata_len);
            assert_int_equal(ring->blocks[s].count[0], want.count);
        }
    }
    deal_unref(first);
    deal_unref(left);
}

/* A member that comes and goes many times still gets its share. The test uses a large member of a
 * small pool, where every time matters. Such a deal becomes due, but is never made by the way. */
static void the_last_of_many_newcomers_gets_what_the_first_got(void **)
{
    enum {
        FEW = 60,
        TIMES = 30
    };
    struct candidates all = candidates_with(NULL, FEW, NOBODY);
    size_t large = 0, first = 0, last = 0;
    for (size_t i = 0; i < FEW; i++) {
        large = all.list[i].weight > all.list[large].weight ? i : large;
    }
    candidates_done(&all);
    struct deal *deal = first_deal(FEW, large);
    for (unsigned i = 0; i < TIMES; i++) {
        struct deal *with =
            next_deal(deal, candidates_with(&deal->candidates, FEW, NOBODY), NOW + 1);
        assert_int_equal(with->round, deal->round); /* patched, not dealt anew */
        assert_int_equal(deal_is_due(with, NOW + 1), 2 * i + 1 > FEW / 2);
        first += i < 2 ? sets_with(with, (uint32_t)large) : 0;
        last += i >= TIMES - 2 ? sets_with(with, (uint32_t)large) : 0;
        deal_unref(deal);
        deal = next_deal(with, candidates_with(&with->candidates, FEW, large), NOW + 1);
        deal_unref(with);
    }
    assert_in_range(last * 100 / first, 90, 110);
    deal_unref(deal);
}

static void a_changed_record_is_made_anew_where_it_stands(void **)
{
    struct deal *first = first_deal(POOL, NOBODY);
    struct candidates candidates = candidates_with(&first->candidates, POOL, NOBODY);
    size_t held = sets_with(first, 50);
    uint64_t before = signer_made(signer);
    candidates.list[50].port = 4461;
    struct deal *second = next_deal(first, candidates, NOW + 1);
    assert_int_equal(sets_with(second, 50), held);
    assert_true(signer_made(signer) - before <= held);
    assert_true(signer_made(signer) > before);
    deal_unref(first);
    deal_unref(second);
}

static void large_changes_and_small_pools_deal_anew(void **)
{
    struct deal *first = first_deal(POOL / 4, NOBODY);
    struct deal *second =
        next_deal(first, candidates_with(&first->candidates, POOL, NOBODY), NOW + 1);
    assert_int_equal(second->round, first->round + 1);
    assert_int_equal(second->dealt_at, NOW + 1);
    deal_unref(first);
    deal_unref(second);
    first = first_deal(8, NOBODY);
    second = next_deal(first, candidates_with(&first->candidates, 9, NOBODY), NOW + 1);
    assert_int_equal(second->round, first->round + 1);
    deal_unref(first);
    deal_unref(second);
}

/* Otherwise the contents of a region or a set would be wrong until the next deal is due. */
static void a_member_that_moves_or_joins_a_failure_domain_is_dealt_anew(void **)
{
    struct deal *old = first_deal(POOL, NOBODY);
    struct candidates candidates = candidates_with(NULL, POOL, NOBODY);
    candidates.inputs[8].regions[0] = region_of_country("FJ");
    struct deal *moved = next_deal(old, candidates, NOW);
    assert_int_equal(moved->round, old->round + 1);
    const struct deck *deck =
        &moved->rings[moved->shared->steering.of_region[region_of_country("FJ")]]->deck;
    assert_true(deck->count > 0 && deck->sets[0].members[0] == 8);
    deal_unref(moved);
    candidates = candidates_with(NULL, POOL, NOBODY);
    candidates.inputs[9].group = candidates.inputs[7].group;
    struct deal *merged = next_deal(old, candidates, NOW);
    assert_int_equal(merged->round, old->round + 1);
    deal_unref(merged);
    deal_unref(old);
}

static void an_empty_pool_says_so_and_fills(void **)
{
    struct deal *first = first_deal(1, 0);
    struct deal *again = deal_anew(first, NOW + 1);
    assert_int_equal(again->rings[0]->count, 1);
    deal_unref(again);
    assert_int_equal(first->rings[0]->count, 1);
    assert_int_equal(first->rings[0]->srv[0].rdata_len, 9); /* 0 0 0 . */
    uint16_t nl = first->shared->steering.of_region[region_of_country("NL")];
    assert_int_equal(first->rings[nl]->srv[0].rdata_len, 9);
    struct deal *second = next_deal(first, candidates_with(&first->candidates, 3, NOBODY), NOW + 1);
    assert_int_equal(second->rings[0]->deck.sets[0].count, 3);
    nl = second->shared->steering.of_region[region_of_country("NL")];
    assert_int_equal(second->rings[nl]->deck.sets[0].count, 1);
    deal_unref(first);
    deal_unref(second);
}

static void cells_of_other_files_are_the_worlds(void **)
{
    struct deal *deal = first_deal(10, NOBODY);
    assert_int_equal(steering_area(&deal->shared->steering, 0), 0);
    assert_int_equal(steering_area(&deal->shared->steering, 65535), 0);
    deal_unref(deal);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_first_deal_is_due_at_once),
        CASE(nothing_new_is_the_same_deal),
        CASE(a_change_during_a_deal_is_worked_into_it),
        CASE(a_deal_is_due_after_its_ttl_or_a_minute),
        CASE(allocation_follow_the_demand_within_a_minute),
        CASE(a_crowd_is_made_up_for),
        CASE(a_change_signs_what_it_touches),
        CASE(a_patched_deal_says_what_its_sets_hold),
        CASE(the_last_of_many_newcomers_gets_what_the_first_got),
        CASE(a_changed_record_is_made_anew_where_it_stands),
        CASE(large_changes_and_small_pools_deal_anew),
        CASE(a_member_that_moves_or_joins_a_failure_domain_is_dealt_anew),
        CASE(an_empty_pool_says_so_and_fills),
        CASE(cells_of_other_files_are_the_worlds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
