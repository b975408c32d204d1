#include <math.h>

#include "tests/unit/unit.h"
#include "tools/site/sharecountries.h"
#include "zone/places/country.h"

enum {
    MEMBERS = 6, /* every other one in Germany, the others in the US */
    CELLS = 4
};

static struct siteworld *world;
static struct cell cells[CELLS];
static struct sharecountries shares;
static struct markup m;

/* Clients in Germany, France and the US; three in four of all in the US. */
static int begin(void **)
{
    static const char *const codes[CELLS] = { "", "DE", "FR", "US" };
    static double demand[CELLS] = { 0, 10, 10, 60 };
    world = xcalloc(1, sizeof(*world));
    struct steerview *view = &world->view;
    view->source.settings = default_settings();
    view->candidates = (struct candidates){ .count = MEMBERS, .eligible = MEMBERS };
    view->candidates.list = xcalloc(MEMBERS, sizeof(struct candidate));
    view->candidates.inputs = xcalloc(MEMBERS, sizeof(struct allocation_member));
    view->members = xcalloc(MEMBERS, sizeof(struct steered));
    world->share.rows = xcalloc(MEMBERS, sizeof(struct steershare_row));
    for (uint32_t i = 0; i < MEMBERS; i++) {
        const struct country *at = country_find(i % 2 == 0 ? "DE" : "US");
        view->candidates.list[i] = (struct candidate){ .member_id = i + 1, .weight = 10 };
        view->candidates.inputs[i] =
            (struct allocation_member){ .capacity = 10,
                                        .group = i,
                                        .ipv4 = true,
                                        .point = point_at((double)at->position.latitude,
                                                          (double)at->position.longitude) };
        view->members[i] = (struct steered){ .id = i + 1, .index = (long)i };
        (void)snprintf(view->members[i].label, LABEL_ROOM, "m%u", i);
        /* by falling ratio, not by label */
        world->share.rows[MEMBERS - 1 - i] =
            (struct steershare_row){ .member = &view->members[i], .expected = 0.125 * i / 2 };
    }
    world->share_count = MEMBERS;
    for (size_t i = 0; i < CELLS; i++) {
        memcpy(cells[i].country, codes[i], strlen(codes[i]) + 1);
        cells[i].addresses = 1000;
        cells[i].placed = i > 0;
        cells[i].position = i > 0 ? country_find(codes[i])->position : cells[i].position;
        world->countries[region_of_country(codes[i])].demand = demand[i] / 80;
    }
    view->cells = cells;
    view->cell_count = CELLS;
    view->demand = demand;
    const struct steering_input input = { .candidates = &view->candidates,
                                          .cells = cells,
                                          .cell_count = CELLS,
                                          .demand = demand,
                                          .settings = &view->source.settings };
    steering_init(&view->steering, &input);
    return 0;
}

static int end(void **)
{
    sharecountries_done(&shares);
    steering_done(&world->view.steering);
    free(world->view.candidates.list);
    free(world->view.candidates.inputs);
    free(world->view.members);
    free(world->share.rows);
    free(world);
    return 0;
}

static double part_in(const struct sharecountries_row *row, const char *code)
{
    for (size_t i = 0; i < row->count; i++) {
        if (strcmp(row->countries[i].code, code) == 0) {
            return row->countries[i].part;
        }
    }
    return 0;
}

static void the_countries_near_a_member_ask_most_for_it(void **)
{
    sharecountries_of(&shares, world);
    assert_int_equal(shares.count, MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct sharecountries_row *row = &shares.rows[i];
        double sum = 0;
        for (size_t j = 0; j < row->count; j++) {
            assert_true(j == 0 || row->countries[j].part <= row->countries[j - 1].part);
            sum += row->countries[j].part;
        }
        assert_true(sum > 0.99 && sum < 1 + 1e-9);
    }
    assert_true(part_in(&shares.rows[1], "US") > 0.75); /* more than of all demand */
    assert_true(part_in(&shares.rows[0], "DE") > part_in(&shares.rows[1], "DE"));
    assert_true(part_in(&shares.rows[0], "FR") > 0.05);
}

static void parts_are_those_of_the_demand(void **)
{
    /* all members of the US, together, get of each country what its clients get of them */
    sharecountries_of(&shares, world);
    struct steering *steering = &world->view.steering;
    double from_us = 0, all = 0;
    for (unsigned i = 1; i < CELLS; i++) {
        struct allocation_list list = steering_list(steering, steering_area(steering, (uint16_t)i));
        for (size_t j = 0; j < list.count; j++) {
            if (steering->list[j].member == 0) {
                all += world->view.demand[i] * steering->list[j].expected;
                from_us += i == 3 ? world->view.demand[i] * steering->list[j].expected : 0;
            }
        }
    }
    assert_true(fabs(part_in(&shares.rows[0], "US") - from_us / all) < 1e-9);
}

static void members_that_are_out_or_unlisted_are_not_in_it(void **)
{
    world->view.members[2].index = STEERVIEW_OUT;
    world->share_count = MEMBERS - 1; /* the last one is m0 */
    sharecountries_of(&shares, world);
    assert_int_equal(shares.count, MEMBERS - 2);
    assert_null(sharecountries_find(&shares, "m0"));
    assert_null(sharecountries_find(&shares, "m2"));
    assert_non_null(sharecountries_find(&shares, "m3"));
}

static void the_file_keeps_all(void **)
{
    struct sharecountries read = { 0 };
    sharecountries_of(&shares, world);
    markup_clear(&m);
    sharecountries_write(&m, &shares);
    assert_int_equal(strncmp(m.text, "member,country,part\nm0,,0.000000\nm0,", 36), 0);
    sharecountries_read(&read, m.text);
    assert_int_equal(read.count, shares.count);
    for (size_t i = 0; i < shares.count; i++) {
        const struct sharecountries_row *row = sharecountries_find(&read, shares.rows[i].label);
        assert_non_null(row);
        assert_int_equal(row->count, shares.rows[i].count);
        assert_true(fabs(row->expected - shares.rows[i].expected) < 1e-6);
        for (size_t j = 0; j < row->count; j++) {
            assert_string_equal(row->countries[j].code, shares.rows[i].countries[j].code);
            assert_true(fabs(row->countries[j].part - shares.rows[i].countries[j].part) < 1e-4);
        }
    }
    sharecountries_done(&read);
}

static void lines_of_others_are_left_out(void **)
{
    sharecountries_read(&shares, "member,country,part\n"
                                 "alice,,0.5\n"
                                 "bob,DE,0.5\n"     /* it has no line of its own */
                                 "alice,DE,1e999\n" /* too much */
                                 "alice,DE,nan\n"
                                 "alice,<b>,0.5\n"
                                 "alice,DE,0.5x\n"
                                 "alice,DE\n"
                                 "alice\n"
                                 "\n"
                                 "aaa,,0.5\n"   /* out of order */
                                 "alice,,0.5\n" /* again */
                                 "alice,FR,0.25\n"
                                 "zoe,,0.25");
    assert_int_equal(shares.count, 2);
    assert_int_equal(shares.rows[0].count, 1);
    assert_string_equal(shares.rows[0].countries[0].code, "FR");
    assert_string_equal(shares.rows[1].label, "zoe");
    sharecountries_read(&shares, "");
    assert_int_equal(shares.count, 0);
    assert_null(sharecountries_find(&shares, "alice"));
}

static void a_member_has_ten_countries_at_most(void **)
{
    markup_clear(&m);
    markup_raw(&m, "alice,,0.5\n");
    for (int c = 'A'; c <= 'Z'; c++) {
        markup_put(&m, "alice,A%c,0.01\n", c);
    }
    sharecountries_read(&shares, m.text);
    assert_int_equal(shares.rows[0].count, MEMBERSHARE_COUNTRIES);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_countries_near_a_member_ask_most_for_it),
        TEST(parts_are_those_of_the_demand),
        TEST(members_that_are_out_or_unlisted_are_not_in_it),
        TEST(the_file_keeps_all),
        TEST(lines_of_others_are_left_out),
        TEST(a_member_has_ten_countries_at_most),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    markup_done(&m);
    return failed;
}
