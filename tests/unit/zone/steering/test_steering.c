#include <math.h>

#include "tests/unit/unit.h"
#include "zone/places/country.h"
#include "zone/steering/apportion.h"
#include "zone/steering/steering.h"

enum {
    CELLS_MAX = 4000,
    MEMBERS = 60
};

static struct cell cells[CELLS_MAX];
static struct candidates candidates;
static struct settings settings;
static struct steering steering;

/* Members in two countries; the world's cell and those of the countries, each as large as the one
 * before. */
static int set_up(void **)
{
    static const char *const codes[] = { "", "DE", "FR", "JP", "US" };
    settings_defaults(&settings);
    candidates = (struct candidates){ .count = MEMBERS, .eligible = MEMBERS };
    candidates.list = xcalloc(MEMBERS, sizeof(*candidates.list));
    candidates.inputs = xcalloc(MEMBERS, sizeof(*candidates.inputs));
    for (uint32_t i = 0; i < MEMBERS; i++) {
        const char *country = i % 2 == 0 ? "DE" : "US";
        const struct country *known = country_find(country);
        candidates.list[i] = (struct candidate){ .member_id = i + 1, .weight = 10 };
        candidates.inputs[i] =
            (struct allocation_member){ .capacity = 10, .group = i, .ipv4 = true };
        candidates.inputs[i].point =
            point_at((double)known->position.latitude, (double)known->position.longitude);
        candidates.inputs[i].regions[0] = region_of_country(country);
        candidates.inputs[i].regions[1] = region_around(country);
    }
    memset(cells, 0, sizeof(cells));
    for (size_t i = 0; i < 5; i++) {
        const struct country *known = i == 0 ? NULL : country_find(codes[i]);
        memcpy(cells[i].country, codes[i], strlen(codes[i]) + 1);
        cells[i].addresses = 1000;
        if (known != NULL) {
            cells[i].placed = true;
            cells[i].position = known->position;
        }
    }
    return 0;
}

static int tear_down(void **)
{
    steering_done(&steering);
    free(candidates.list);
    free(candidates.inputs);
    return 0;
}

static void steer(size_t cell_count, const double *demand)
{
    const struct steering_input input = { .candidates = &candidates,
                                          .cells = cells,
                                          .cell_count = cell_count,
                                          .demand = demand,
                                          .settings = &settings,
                                          .seed = 3 };
    steering_init(&steering, &input);
}

static double part_of(uint16_t area, uint16_t region)
{
    struct allocation_list got = steering_list(&steering, area);
    double part = 0;
    for (size_t i = 0; i < got.count; i++) {
        bool in = candidates.inputs[steering.list[i].member].regions[0] == region;
        part += in ? steering.list[i].expected / got.per_set : 0;
    }
    return part;
}

static void near_members_have_larger_shares_of_a_cell(void **)
{
    steer(5, NULL);
    uint16_t germany = region_of_country("DE");
    assert_int_equal(steering_area(&steering, 0), 0);
    double in_france = part_of(steering_area(&steering, 2), germany);
    double in_us = part_of(steering_area(&steering, 4), germany);
    assert_true(in_france > 0.9);
    assert_true(in_us < 0.1);
    double in_world = part_of(0, germany);
    assert_true(in_world > 0.3 && in_world < 0.7);
}

static void regions_hold_their_own_members(void **)
{
    steer(5, NULL);
    uint16_t us = region_of_country("US"), asia = region_around("JP");
    assert_true(part_of(steering.of_region[us], us) > 0.999);
    assert_true(part_of(steering.of_region[region_around("US")], us) > 0.999);
    assert_int_equal(steering_list(&steering, steering.of_region[asia]).count, 0);
    assert_int_equal(steering.areas[steering.of_region[us]].sets, STEERING_REGION_SETS);
}

/* Without demand from Japan it has no area and no list: its clients get the continent's. Without
 * demand from the continent either, that has a deck of the smallest size. */
static void a_cell_without_demand_costs_nothing(void **)
{
    const double demand[] = { 0, 5, 5, 0, 5 };
    steer(5, demand);
    uint16_t japan = steering_area(&steering, 3);
    assert_true(japan != 0);
    assert_true(steering.areas[japan].at.demand <= 0);
    assert_int_equal(steering.areas[japan].sets, DECK_SETS_MIN);
    assert_int_equal(steering_extent(&steering, cells, 3), STEERING_CONTINENT);
    assert_int_equal(steering_extent(&steering, cells, 2), STEERING_CELL);
    cells[3].country[0] = 'Z'; /* a country without a continent gets the world's area */
    cells[3].country[1] = 'Z';
    steering_done(&steering);
    steer(5, demand);
    assert_int_equal(steering_area(&steering, 3), 0);
    assert_int_equal(steering_extent(&steering, cells, 3), STEERING_WORLD);
    assert_int_equal(steering_area(&steering, 5), 0); /* this cell does not exist */
}

static void divide(void)
{
    for (size_t c = 5; c < CELLS_MAX; c++) {
        cells[c] = cells[4];
        (void)snprintf(cells[c].subdivision, sizeof(cells[c].subdivision), "%zu", c % 1000);
        cells[c].addresses = c;
    }
}

/* A file with subdivisions: the busiest have areas, the others share their country's; the total
 * size of decks is bounded. */
static void busy_cells_have_areas_of_their_own(void **)
{
    divide();
    steer(CELLS_MAX, NULL);
    uint16_t busiest = steering_area(&steering, CELLS_MAX - 1), quiet = steering_area(&steering, 5);
    uint16_t country = steering_area(&steering, 4);
    assert_true(busiest != country && quiet == country);
    assert_int_equal(steering_extent(&steering, cells, CELLS_MAX - 1), STEERING_CELL);
    assert_int_equal(steering_extent(&steering, cells, 5), STEERING_COUNTRY);
    assert_int_equal(steering_extent(&steering, cells, 4), STEERING_CELL);
    assert_true(steering.area_count <= STEERING_BUSY_CELLS + 300);
    double demand = 0;
    size_t sets = 0;
    for (size_t a = 0; a < steering.area_count; a++) {
        demand += steering.areas[a].at.demand;
        sets += steering.areas[a].sets;
    }
    assert_true(sets < STEERING_SETS + steering.area_count * DECK_SETS_MIN);
    double all = 5000;
    for (size_t c = 5; c < CELLS_MAX; c++) {
        all += (double)c;
    }
    assert_true(demand > all - 1 && demand < all + 1); /* none is lost */
}

/* Fewer sets to sign, and every cell has an area all the same. */
static void a_hasty_steering_has_fewer_areas_and_sets(void **)
{
    divide();
    const struct steering_input input = { .candidates = &candidates,
                                          .cells = cells,
                                          .cell_count = CELLS_MAX,
                                          .settings = &settings,
                                          .keep_factors = true,
                                          .hasty = true };
    steering_init(&steering, &input);
    size_t sets = 0;
    for (size_t a = 0; a < steering.area_count; a++) {
        sets += steering.areas[a].at.region == REGION_NONE ? steering.areas[a].sets : 0;
    }
    assert_true(sets <= STEERING_HASTY_SETS + (STEERING_HASTY_CELLS + 10) * DECK_SETS_MIN);
    uint16_t busiest = steering_area(&steering, CELLS_MAX - 1), quiet = steering_area(&steering, 5);
    assert_true(busiest != quiet && quiet == steering_area(&steering, 4));
    for (unsigned c = 0; c < CELLS_MAX; c++) {
        assert_true(steering_list(&steering, steering_area(&steering, (uint16_t)c)).count > 0);
    }
}

static void grow(size_t count)
{
    candidates.list = xrealloc(candidates.list, count * sizeof(*candidates.list));
    candidates.inputs = xrealloc(candidates.inputs, count * sizeof(*candidates.inputs));
    for (size_t i = candidates.count; i < count; i++) { /* in DE */
        candidates.list[i] = candidates.list[0];
        candidates.list[i].member_id = i + 1;
        candidates.inputs[i] = candidates.inputs[0];
        candidates.inputs[i].group = (uint32_t)i;
    }
    candidates.count = candidates.eligible = count;
}

/* US keeps all its 30 members. Those drawn in DE have its whole capacity. */
static void a_hasty_steering_draws_some_members_of_a_large_country(void **)
{
    enum {
        LARGE = 20 * STEERING_HASTY_MEMBERS
    };
    grow(LARGE);
    const struct steering_input input = { .candidates = &candidates,
                                          .cells = cells,
                                          .cell_count = 5,
                                          .settings = &settings,
                                          .seed = 1,
                                          .keep_factors = true,
                                          .hasty = true };
    steering_init(&steering, &input);
    const unsigned few = MEMBERS / 2; /* in the US */
    double capacity[2] = { 0 };
    size_t drawn[2] = { 0 };
    for (size_t i = 0; i < LARGE; i++) {
        bool in_us = steering.inputs[i].regions[0] == region_of_country("US");
        capacity[in_us] += steering.inputs[i].capacity;
        drawn[in_us] += steering.inputs[i].capacity > 0 ? 1 : 0;
    }
    assert_int_equal(drawn[1], few);
    assert_true(capacity[1] == 10.0 * few);
    assert_in_range(drawn[0], STEERING_HASTY_MEMBERS * 9 / 10, STEERING_HASTY_MEMBERS * 11 / 10);
    assert_true(fabs(capacity[0] / ((LARGE - few) * 10.0) - 1) < 0.1);
    uint16_t us = steering.of_region[region_of_country("US")];
    assert_int_equal(steering_list(&steering, us).count, few);
}

static void without_a_location_file_there_is_the_world(void **)
{
    steer(1, NULL);
    assert_int_equal(steering.areas[0].sets, DECK_SETS_MAX);
    struct deck deck;
    struct allocation_list got = steering_deal(&steering, 0, 0, &deck);
    assert_int_equal(got.count, MEMBERS);
    assert_int_equal(deck.count, DECK_SETS_MAX);
    deck_done(&deck);
}

static void expect_sets_of(uint16_t area, unsigned per_set, uint16_t region)
{
    struct deck deck;
    (void)steering_deal(&steering, area, 0, &deck);
    assert_int_equal(deck.count, steering.areas[area].sets);
    for (size_t s = 0; s < deck.count; s++) {
        assert_int_equal(deck.sets[s].count, per_set);
        for (unsigned i = 0; i < per_set; i++) {
            const struct allocation_member *input = &candidates.inputs[deck.sets[s].members[i]];
            assert_true(input->capacity > 0 && input->regions[0] == region);
        }
    }
    deck_done(&deck);
}

static void keep_only(size_t index)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (i != index) {
            candidates.list[i] = (struct candidate){ .member_id = 0 };
            candidates.inputs[i].capacity = 0;
        }
    }
    candidates.eligible = index < MEMBERS ? 1 : 0;
}

/* That country answers the world, each member by its capacity, and the names of other countries
 * have no members. */
static void all_members_may_be_in_one_country(void **)
{
    uint16_t germany = region_of_country("DE");
    for (size_t i = 1; i < MEMBERS; i += 2) {
        candidates.inputs[i].capacity = 0;
    }
    steer(5, NULL);
    for (uint16_t cell = 0; cell < 5; cell++) {
        expect_sets_of(steering_area(&steering, cell), 4, germany);
    }
    assert_true(allocation_worst(steering.allocation) < 1.001);
    expect_sets_of(steering.of_region[germany], 4, germany);
    assert_int_equal(steering_list(&steering, steering.of_region[region_of_country("US")]).count,
                     0);
}

static void one_member_answers_all(void **)
{
    keep_only(7);
    steer(5, NULL);
    for (uint16_t cell = 0; cell < 5; cell++) {
        expect_sets_of(steering_area(&steering, cell), 1, region_of_country("US"));
    }
}

static void no_candidates_make_empty_decks(void **)
{
    keep_only(MEMBERS);
    steer(5, NULL);
    for (size_t area = 0; area < steering.area_count; area++) {
        struct deck deck;
        assert_int_equal(steering_deal(&steering, (uint16_t)area, 0, &deck).count, 0);
        assert_int_equal(deck.count, 0);
        deck_done(&deck);
    }
}

/* The decks of a deal, and how many answers clients got from each. */
struct dealt {
    struct deck deck[STEERING_AREAS_MAX];
    const struct deck *decks[STEERING_AREAS_MAX];
    uint64_t asked[STEERING_AREAS_MAX];
};

static struct dealt dealt;

/* The next steering, after the answers from the last one. */
static void steer_on(void)
{
    struct steering before = steering;
    const struct steering_input input = { .candidates = &candidates,
                                          .cells = cells,
                                          .cell_count = 5,
                                          .settings = &settings,
                                          .before = &before,
                                          .keep_factors = true,
                                          .asked = dealt.asked,
                                          .decks = dealt.decks,
                                          .seed = 3 };
    steering_init(&steering, &input);
    steering_done(&before);
}

static void deal(uint64_t round)
{
    for (size_t a = 0; a < steering.area_count; a++) {
        deck_done(&dealt.deck[a]);
        (void)steering_deal(&steering, (uint16_t)a, round, &dealt.deck[a]);
        dealt.decks[a] = &dealt.deck[a];
        dealt.asked[a] = 0;
    }
}

static void forget_dealt(void)
{
    for (size_t a = 0; a < STEERING_AREAS_MAX; a++) {
        deck_done(&dealt.deck[a]);
    }
}

/* `times` answers in an area: returns the member's share of them, less what the deck gives it. */
static double ask(uint16_t area, uint64_t times, uint32_t member)
{
    const struct deck *deck = &dealt.deck[area];
    struct allocation_list got = steering_list(&steering, area);
    double due = 0, slots = 0;
    for (size_t i = 0; i < got.count; i++) {
        due += steering.list[i].member == member ? steering.list[i].expected : 0;
    }
    for (size_t s = 0; s < deck->count; s++) {
        for (unsigned i = 0; i < deck->sets[s].count; i++) {
            slots += deck->sets[s].members[i] == member ? 1 : 0;
        }
    }
    dealt.asked[area] += times;
    return (double)times * (due - slots / (double)deck->count);
}

/* However demand varies: in bursts each hour, from one area more than from another, in a region. */
static void deficits_follow_what_clients_asked_for(void **)
{
    const uint32_t small = 12;
    double missing = 0, most = 0;
    candidates.inputs[small].capacity = 0.01;
    steer(5, NULL);
    for (uint64_t round = 0; round < 3000; round++) {
        deal(round);
        for (uint16_t cell = 0; cell < 5; cell++) {
            uint64_t times = (round % 60 < 3 ? 4U : 1U) * (1000 + 370U * cell + round * 7 % 500);
            missing += ask(steering_area(&steering, cell), times, small);
        }
        missing += ask(steering.of_region[candidates.inputs[small].regions[0]], 100, small);
        steer_on();
        assert_true(fabs(missing - steering.deficit[small]) < 1e-6);
        most = fmax(most, fabs(missing) / steering.slot_answers);
    }
    assert_true(most > 0.5 && most < APPORTION_DEFICIT_MAX);
    forget_dealt();
}

static void a_member_that_leaves_loses_its_deficit(void **)
{
    steer(5, NULL);
    for (unsigned turn = 0; turn < 3; turn++) {
        deal(turn);
        (void)ask(steering_area(&steering, 1), 1000, 0);
        candidates.inputs[0].capacity = turn == 0 ? 0 : 10; /* out, and back */
        candidates.list[1].member_id = turn < 2 ? 2 : 1000; /* another member at its index */
        steer_on();
        assert_true((steering.deficit[0] == 0) == (turn < 2));
        assert_true((steering.deficit[1] == 0) == (turn == 2));
    }
    assert_true(steering_factor(&steering, 1, 1000) == steering.factors[1]);
    assert_true(steering_factor(&steering, 1, 2) == 1);
    forget_dealt();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(near_members_have_larger_shares_of_a_cell),
        CASE(regions_hold_their_own_members),
        CASE(a_cell_without_demand_costs_nothing),
        CASE(busy_cells_have_areas_of_their_own),
        CASE(a_hasty_steering_has_fewer_areas_and_sets),
        CASE(a_hasty_steering_draws_some_members_of_a_large_country),
        CASE(without_a_location_file_there_is_the_world),
        CASE(all_members_may_be_in_one_country),
        CASE(one_member_answers_all),
        CASE(no_candidates_make_empty_decks),
        CASE(deficits_follow_what_clients_asked_for),
        CASE(a_member_that_leaves_loses_its_deficit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
