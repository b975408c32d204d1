#include "unit.h"
#include "zone/country.h"
#include "zone/steering.h"

enum {
    CELLS_MAX = 4000,
    MEMBERS = 60
};

static struct cell cells[CELLS_MAX];
static struct roster roster;
static struct settings settings;
static struct steering steering;

/* Members in two countries, and the world's cell with the countries', each as large as the last. */
static int set_up(void **state)
{
    (void)state;
    static const char *const codes[] = { "", "DE", "FR", "JP", "US" };
    settings_defaults(&settings);
    roster = (struct roster){ .count = MEMBERS, .eligible = MEMBERS };
    roster.list = xcalloc(MEMBERS, sizeof(*roster.list));
    roster.seats = xcalloc(MEMBERS, sizeof(*roster.seats));
    for (uint32_t i = 0; i < MEMBERS; i++) {
        const char *country = i % 2 == 0 ? "DE" : "US";
        const struct country *known = country_find(country);
        roster.list[i] = (struct candidate){ .member_id = i + 1, .weight = 10 };
        roster.seats[i] = (struct shares_member){ .capacity = 10, .group = i, .ipv4 = true };
        roster.seats[i].spot =
            point_at((double)known->position.latitude, (double)known->position.longitude);
        roster.seats[i].regions[0] = region_of_country(country);
        roster.seats[i].regions[1] = region_around(country);
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

static int tear_down(void **state)
{
    (void)state;
    steering_done(&steering);
    free(roster.list);
    free(roster.seats);
    return 0;
}

static void steer(size_t cell_count, const double *demand)
{
    const struct steering_input input = { .roster = &roster,
                                          .cells = cells,
                                          .cell_count = cell_count,
                                          .demand = demand,
                                          .settings = &settings,
                                          .seed = 3 };
    steering_init(&steering, &input);
}

static double part_of(uint16_t area, uint16_t region)
{
    struct shares_list got = steering_list(&steering, area);
    double part = 0;
    for (size_t i = 0; i < got.count; i++) {
        bool in = roster.seats[steering.list[i].member].regions[0] == region;
        part += in ? steering.list[i].expected / got.per_set : 0;
    }
    return part;
}

static void near_members_have_more_of_a_cell(void **state)
{
    (void)state;
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

static void regions_hold_their_own(void **state)
{
    (void)state;
    steer(5, NULL);
    uint16_t us = region_of_country("US"), asia = region_around("JP");
    assert_true(part_of(steering.of_region[us], us) > 0.999);
    assert_true(part_of(steering.of_region[region_around("US")], us) > 0.999);
    assert_int_equal(steering_list(&steering, steering.of_region[asia]).count, 0);
    assert_int_equal(steering.areas[steering.of_region[us]].sets, STEERING_REGION_SETS);
}

/* Nobody asks from Japan: no area, no list; its clients get the continent's. With no demand from it either, that is a deck of the smallest. */
static void a_cell_without_demand_costs_nothing(void **state)
{
    (void)state;
    const double demand[] = { 0, 5, 5, 0, 5 };
    steer(5, demand);
    uint16_t japan = steering_area(&steering, 3);
    assert_true(japan != 0);
    assert_true(steering.areas[japan].at.demand <= 0);
    assert_int_equal(steering.areas[japan].sets, DECK_SETS_MIN);
    cells[3].country[0] = 'Z'; /* a country without a continent: the world's */
    cells[3].country[1] = 'Z';
    steering_done(&steering);
    steer(5, demand);
    assert_int_equal(steering_area(&steering, 3), 0);
    assert_int_equal(steering_area(&steering, 5), 0); /* no such cell */
}

/* A file with subdivisions: the busiest have areas, the others share their country's; the total of decks is bounded. */
static void busy_cells_have_areas_of_their_own(void **state)
{
    (void)state;
    for (size_t c = 5; c < CELLS_MAX; c++) {
        cells[c] = cells[4];
        (void)snprintf(cells[c].subdivision, sizeof(cells[c].subdivision), "%zu", c % 1000);
        cells[c].addresses = c;
    }
    steer(CELLS_MAX, NULL);
    uint16_t busiest = steering_area(&steering, CELLS_MAX - 1), quiet = steering_area(&steering, 5);
    uint16_t country = steering_area(&steering, 4);
    assert_true(busiest != country && quiet == country);
    assert_true(steering.area_count <= STEERING_OWN + 300);
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

static void without_a_location_file_there_is_the_world(void **state)
{
    (void)state;
    steer(1, NULL);
    assert_int_equal(steering.areas[0].sets, DECK_SETS_MAX);
    struct deck deck;
    struct shares_list got = steering_deal(&steering, 0, 0, &deck);
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
            const struct shares_member *seat = &roster.seats[deck.sets[s].members[i]];
            assert_true(seat->capacity > 0 && seat->regions[0] == region);
        }
    }
    deck_done(&deck);
}

static void keep_only(size_t seat)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (i != seat) {
            roster.list[i] = (struct candidate){ .member_id = 0 };
            roster.seats[i].capacity = 0;
        }
    }
    roster.eligible = seat < MEMBERS ? 1 : 0;
}

/* Then it answers the world, each of it by its capacity, and other countries' names have nobody. */
static void all_members_may_be_in_one_country(void **state)
{
    (void)state;
    uint16_t germany = region_of_country("DE");
    for (size_t i = 1; i < MEMBERS; i += 2) {
        roster.seats[i].capacity = 0;
    }
    steer(5, NULL);
    for (uint16_t cell = 0; cell < 5; cell++) {
        expect_sets_of(steering_area(&steering, cell), 4, germany);
    }
    assert_true(shares_worst(steering.shares) < 1.001);
    expect_sets_of(steering.of_region[germany], 4, germany);
    assert_int_equal(steering_list(&steering, steering.of_region[region_of_country("US")]).count,
                     0);
}

static void one_member_answers_all(void **state)
{
    (void)state;
    keep_only(7);
    steer(5, NULL);
    for (uint16_t cell = 0; cell < 5; cell++) {
        expect_sets_of(steering_area(&steering, cell), 1, region_of_country("US"));
    }
}

static void nobody_makes_empty_decks(void **state)
{
    (void)state;
    keep_only(MEMBERS);
    steer(5, NULL);
    for (size_t area = 0; area < steering.area_count; area++) {
        struct deck deck;
        assert_int_equal(steering_deal(&steering, (uint16_t)area, 0, &deck).count, 0);
        assert_int_equal(deck.count, 0);
        deck_done(&deck);
    }
}

static void steer_with(const double *owed)
{
    const struct steering_input input = { .roster = &roster,
                                          .cells = cells,
                                          .cell_count = 5,
                                          .settings = &settings,
                                          .owed = owed,
                                          .seed = 3 };
    steering_done(&steering);
    steering_init(&steering, &input);
}

/* What a member is due of an area's deck, less what it gets. */
static double missing(uint16_t area, uint64_t round, uint32_t member, double *due)
{
    struct deck deck;
    struct shares_list got = steering_deal(&steering, area, round, &deck);
    double slots = 0, given = 0;
    for (size_t i = 0; i < got.count; i++) {
        const struct share *share = &steering.list[i];
        slots += share->member == member ? share->expected * (double)deck.count : 0;
    }
    for (size_t s = 0; s < deck.count; s++) {
        for (unsigned i = 0; i < deck.sets[s].count; i++) {
            given += deck.sets[s].members[i] == member ? 1 : 0;
        }
    }
    deck_done(&deck);
    *due += slots;
    return slots - given;
}

/* What is missing of a small member's shares goes from deal to deal and from one area to the others, and is forgotten when it leaves. */
static void what_members_are_owed_goes_from_deal_to_deal(void **state)
{
    (void)state;
    double left = 0, due = 0, owed[MEMBERS] = { 0 };
    const uint32_t small = 12;
    roster.seats[small].capacity = 0.01;
    for (uint64_t round = 0; round < 400; round++) {
        steer_with(owed);
        for (uint16_t cell = 0; cell < 5; cell++) {
            left += missing(steering_area(&steering, cell), round, small, &due);
        }
        memcpy(owed, steering.owed, sizeof(owed));
    }
    assert_true(due > 100 && left < 8 && left > -8);
    /* Each cell is asked as much, so a slot is one. */
    assert_true(left - owed[small] < 1e-6 && owed[small] - left < 1e-6);
    roster.seats[small].capacity = 0;
    steer_with(owed);
    assert_true(steering.owed[small] == 0 && steering.owed[0] == owed[0]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(near_members_have_more_of_a_cell),
        CASE(regions_hold_their_own),
        CASE(a_cell_without_demand_costs_nothing),
        CASE(busy_cells_have_areas_of_their_own),
        CASE(without_a_location_file_there_is_the_world),
        CASE(all_members_may_be_in_one_country),
        CASE(one_member_answers_all),
        CASE(nobody_makes_empty_decks),
        CASE(what_members_are_owed_goes_from_deal_to_deal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
