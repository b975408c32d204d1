#include <math.h>

#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"
#include "zone/steering/lots.h"

enum {
    MEMBERS = 20000,
    PLACES = 40,
    SCALE_KM = 1000
};

static struct lots lots;
static struct water_fill_entry list[MEMBERS + 1];

static double unit(uint64_t *random)
{
    return (double)(splitmix(random) >> 11) * 0x1p-53;
}

/* Members all over the globe, or at a few places with a few capacities. */
static void make(size_t count, bool scattered)
{
    uint64_t random = 7;
    struct point places[PLACES];
    struct lots_member *members = xcalloc(count, sizeof(*members));
    for (size_t i = 0; i < PLACES; i++) {
        places[i] = point_at(120 * unit(&random) - 50, 360 * unit(&random) - 180);
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = i % PLACES;
        members[i].point =
            scattered ? point_at(120 * unit(&random) - 50, 360 * unit(&random) - 180) : places[at];
        members[i].capacity = scattered ? exp(7 * unit(&random)) : pow(10, (double)(i % 3));
        members[i].regions[0] = (uint16_t)(1 + at);
        members[i].regions[1] = 100;
    }
    lots_init(&lots, members, count, SCALE_KM);
}

static struct lots_wish wish_of(size_t most)
{
    return (struct lots_wish){ .point = point_at(52, 5), .most = most, .start = 0.5 };
}

static double weight_of(const struct lots_wish *wish, size_t i)
{
    const struct lots_member *member = &lots.members[i];
    double near = wish->point.placed ? lots_nearness(&lots, &wish->point, &member->point) : 1;
    return member->capacity * near;
}

/* In order of index, nobody twice. */
static void expect_order(size_t count)
{
    for (size_t i = 1; i < count; i++) {
        assert_true(list[i].at > list[i - 1].at);
    }
}

static void members_of_like_place_and_capacity_are_one_lot(void **)
{
    make(MEMBERS, false);
    assert_true(lots.count <= (size_t)PLACES * 3);
    size_t members = 0;
    for (size_t k = 0; k < lots.count; k++) {
        const struct lot *lot = &lots.list[k];
        const struct lots_member *first = &lots.members[lots.order[lot->first]];
        members += lot->end - lot->first;
        assert_true(point_km(&lot->point, &first->point) < 2);
        assert_true(fabs(lot->capacity / (lot->end - lot->first) - first->capacity) < 1e-6);
    }
    assert_int_equal(members, MEMBERS);
    lots_done(&lots);
}

static void scattered_members_are_near_the_middle_of_their_lot(void **)
{
    make(MEMBERS, true);
    for (size_t k = 0; k < lots.count; k++) {
        const struct lot *lot = &lots.list[k];
        for (uint32_t i = lot->first; i < lot->end; i++) {
            const struct lots_member *member = &lots.members[lots.order[i]];
            double mean = lot->capacity / (lot->end - lot->first);
            assert_true(point_km(&lot->point, &member->point) < 350);
            assert_true(member->capacity < 1.5 * mean && mean < 1.5 * member->capacity);
        }
    }
    lots_done(&lots);
}

static void a_list_with_room_has_all_members_with_their_own_weights(void **)
{
    make(1000, true);
    struct lots_wish wish = wish_of(1000);
    assert_int_equal(lots_pick(&lots, &wish, list), 1000);
    expect_order(1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(list[i].weight == (float)weight_of(&wish, i));
    }
    lots_done(&lots);
}

/* Whatever the start, the list keeps to its length, and holds the heaviest members. On average over
 * the starts, its weights add up to those of all. */
static void a_sample_stands_for_all(bool scattered)
{
    enum {
        MOST = 500,
        STARTS = 200
    };
    make(MEMBERS, scattered);
    struct lots_wish wish = wish_of(MOST);
    double all = 0, sum = 0, heaviest = 0;
    size_t at = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        all += weight_of(&wish, i);
        at = weight_of(&wish, i) > heaviest ? i : at;
        heaviest = fmax(heaviest, weight_of(&wish, i));
    }
    for (unsigned n = 0; n < STARTS; n++) {
        wish.start = (double)n / STARTS;
        size_t count = lots_pick(&lots, &wish, list);
        bool found = false;
        assert_true(count > MOST / 2 && count <= MOST + 1);
        expect_order(count);
        for (size_t i = 0; i < count; i++) {
            sum += (double)list[i].weight;
            found = found || list[i].at == at;
        }
        assert_true(found || !scattered);
    }
    assert_true(fabs(sum / STARTS / all - 1) < 0.02);
    lots_done(&lots);
}

static void a_sample_stands_for_scattered_members(void **)
{
    a_sample_stands_for_all(true);
}

static void a_sample_stands_for_members_at_few_places(void **)
{
    a_sample_stands_for_all(false);
}

static void a_region_lists_its_own_members(void **)
{
    make(MEMBERS, false);
    struct lots_wish wish = { .region = 3, .most = MEMBERS };
    size_t count = lots_pick(&lots, &wish, list);
    assert_int_equal(count, MEMBERS / PLACES);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(list[i].at % PLACES, 2);
    }
    wish.region = 100;
    wish.most = 64;
    assert_true(lots_pick(&lots, &wish, list) <= 65);
    wish.region = 99;
    assert_int_equal(lots_pick(&lots, &wish, list), 0);
    lots_done(&lots);
}

static void members_without_place_are_as_near_as_the_mean(void **)
{
    struct lots_member *members = xcalloc(3, sizeof(*members));
    struct point area = point_at(52, 5);
    members[0] = (struct lots_member){ .point = point_at(52, 5), .capacity = 10 };
    members[1] = (struct lots_member){ .point = point_at(-40, 170), .capacity = 30 };
    members[2] = (struct lots_member){ .capacity = 10 };
    lots_init(&lots, members, 3, SCALE_KM);
    double near = lots_nearness(&lots, &area, &members[0].point);
    double far = lots_nearness(&lots, &area, &members[1].point);
    double mean = lots_nearness(&lots, &area, &members[2].point);
    assert_true(fabs(mean - (near * 10 + far * 30) / 40) < 1e-6);
    lots_done(&lots);
}

static void a_pool_without_members_has_empty_lists(void **)
{
    struct lots_wish wish = wish_of(16);
    make(0, false);
    assert_int_equal(lots_pick(&lots, &wish, list), 0);
    lots_done(&lots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_like_place_and_capacity_are_one_lot),
        cmocka_unit_test(scattered_members_are_near_the_middle_of_their_lot),
        cmocka_unit_test(a_list_with_room_has_all_members_with_their_own_weights),
        cmocka_unit_test(a_sample_stands_for_scattered_members),
        cmocka_unit_test(a_sample_stands_for_members_at_few_places),
        cmocka_unit_test(a_region_lists_its_own_members),
        cmocka_unit_test(members_without_place_are_as_near_as_the_mean),
        cmocka_unit_test(a_pool_without_members_has_empty_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
