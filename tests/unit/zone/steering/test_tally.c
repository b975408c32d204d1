#include <math.h>

#include "tests/unit/unit.h"
#include "zone/steering/tally.h"

enum {
    HOUR = 3600,
    NOW = 1700000000 - 1700000000 % HOUR + 600,
    MEMBERS = 1000,
    PARTS = 5
};

static const struct cell cells[] = {
    { .addresses = 0 },
    { .country = "DE", .addresses = 100 },
    { .country = "DE", .subdivision = "BE", .addresses = 100 },
    { .country = "NL", .addresses = 600 },
};
enum {
    CELLS = sizeof(cells) / sizeof(cells[0]),
    WORLD = 0,
    GERMANY,
    BERLIN,
    NETHERLANDS
};

static struct traffic traffic, sum;
static struct tally_demand demand;
static uint8_t text[TALLY_ANSWERS_MAX];

static int tear_down(void **)
{
    traffic_done(&traffic);
    traffic_done(&sum);
    return 0;
}

static void ask(unsigned cell, uint32_t queries, uint64_t now)
{
    uint32_t asked[CELLS] = { 0 };
    asked[cell] = queries;
    traffic_add_queries(&traffic, cells, asked, CELLS, now);
}

static void give(uint64_t member_id, uint64_t answers, uint64_t now)
{
    const struct traffic_count count = { member_id, answers };
    traffic_add_answers(&traffic, &count, 1, now);
}

static bool is_about(double value, double wanted)
{
    return fabs(value - wanted) < 0.001 * wanted + 1e-9;
}

/* -- demand -- */

static void demand_is_read_as_it_was_written(void **)
{
    ask(WORLD, 7, NOW);
    ask(BERLIN, 1000, NOW - TRAFFIC_HALF_LIFE_S);
    ask(NETHERLANDS, 300, NOW);
    size_t len = tally_write_demand(text, &traffic, NOW);
    assert_int_equal(len, 1 + 3 * TALLY_CELL_LEN);
    assert_ok(tally_read_demand(&demand, (struct octets){ text, len }, NOW));
    assert_int_equal(demand.count, 3);
    assert_string_equal(demand.cells[0].country, "DE");
    assert_string_equal(demand.cells[0].subdivision, "BE");
    assert_true(is_about(demand.cells[0].queries, 500) && demand.cells[0].at == NOW);
    assert_string_equal(demand.cells[1].country, "NL");
    assert_string_equal(demand.cells[1].subdivision, "");
    assert_string_equal(demand.cells[2].country, "");
}

static void too_many_cells_keep_the_largest(void **)
{
    for (unsigned i = 0; i < 26 * 26; i++) {
        struct cell cell = { .country = { (char)('A' + i / 26), (char)('A' + i % 26) } };
        uint32_t queries = 10 + i;
        traffic_add_queries(&traffic, &cell, &queries, 1, NOW);
    }
    size_t len = tally_write_demand(text, &traffic, NOW);
    assert_true(len <= TALLY_DEMAND_MAX);
    assert_ok(tally_read_demand(&demand, (struct octets){ text, len }, NOW));
    assert_int_equal(demand.count, TALLY_CELLS_MAX);
    assert_true(is_about(demand.cells[0].queries, 10 + 26 * 26 - 1));
    assert_true(
        is_about(demand.cells[TALLY_CELLS_MAX - 1].queries, 10 + 26 * 26 - TALLY_CELLS_MAX));
}

static void demand_that_is_no_demand_is_refused(void **)
{
    ask(BERLIN, 1000, NOW);
    size_t len = tally_write_demand(text, &traffic, NOW);
    for (size_t cut = 0; cut < len; cut++) {
        enum result wanted = cut == 1 ? RESULT_OK : RESULT_DAMAGED;
        assert_int_equal(tally_read_demand(&demand, (struct octets){ text, cut }, NOW), wanted);
    }
    const struct {
        size_t at;
        uint8_t octet;
        enum result wanted;
    } wrong[] = { { 0, 0, RESULT_DAMAGED },   { 0, 2, RESULT_NEWER },   { 1, 0, RESULT_DAMAGED },
                  { 1, 'd', RESULT_DAMAGED }, { 2, 0, RESULT_DAMAGED }, { 3, 0, RESULT_DAMAGED },
                  { 3, '/', RESULT_DAMAGED } };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint8_t bad[TALLY_DEMAND_MAX];
        memcpy(bad, text, len);
        bad[wrong[i].at] = wrong[i].octet;
        assert_int_equal(tally_read_demand(&demand, (struct octets){ bad, len }, NOW),
                         wrong[i].wanted);
    }
}

/* -- answers -- */

struct seen {
    unsigned count;
    uint64_t last_id, hours, days;
};

static void see(const struct tally_answers *answers, void *arg)
{
    struct seen *seen = arg;
    assert_true(answers->member_id > seen->last_id);
    seen->last_id = answers->member_id;
    seen->hours += answers->hour;
    seen->days += answers->day;
    seen->count++;
}

static void the_slices_together_have_the_answers_of_all_members(void **)
{
    unsigned count = 0;
    uint64_t hours = 0, days = 0;
    for (uint64_t id = 1; id <= MEMBERS; id++) {
        give(id, 1000, NOW - (uint64_t)24 * HOUR); /* its hour begins a day ago */
        give(id, 100 * id, NOW - (uint64_t)5 * HOUR);
        give(id, id, NOW - HOUR);
        give(id, 9, NOW); /* not in a full hour */
    }
    give(MEMBERS + 1, 3, NOW - (uint64_t)25 * HOUR);
    for (unsigned slice = 0; slice < TALLY_SLICES; slice++) {
        struct seen seen = { 0 };
        uint64_t hour = 0;
        size_t len = tally_write_answers(text, &traffic, slice, NOW);
        assert_ok(tally_read_answers((struct octets){ text, len }, slice, &hour, see, &seen));
        assert_int_equal(hour, NOW / HOUR - 1);
        assert_true(seen.count == 0 || seen.last_id % TALLY_SLICES == slice);
        count += seen.count;
        hours += seen.hours;
        days += seen.days;
    }
    const uint64_t ids = (uint64_t)MEMBERS * (MEMBERS + 1) / 2;
    assert_int_equal(count, MEMBERS);
    assert_int_equal(hours, ids);
    assert_int_equal(days, 1000 * (uint64_t)MEMBERS + 101 * ids);
}

static void answers_beyond_the_bound_are_left_out(void **)
{
    static struct traffic_count counts[20000];
    const size_t many = sizeof(counts) / sizeof(counts[0]);
    for (size_t i = 0; i < many; i++) {
        counts[i] = (struct traffic_count){ (i + 1) * TALLY_SLICES, UINT32_MAX };
    }
    traffic_add_answers(&traffic, counts, many, NOW - HOUR);
    struct seen seen = { 0 };
    uint64_t hour = 0;
    size_t len = tally_write_answers(text, &traffic, 0, NOW);
    assert_true(len <= TALLY_ANSWERS_MAX);
    assert_ok(tally_read_answers((struct octets){ text, len }, 0, &hour, see, &seen));
    assert_true(seen.count > 2000 && seen.last_id == (uint64_t)seen.count * TALLY_SLICES);
}

static void answers_that_are_none_are_refused_whole(void **)
{
    give(7, 1000, NOW - HOUR);
    give(7 + TALLY_SLICES, 5, NOW - HOUR);
    struct seen seen = { 0 };
    uint64_t hour = 0;
    size_t len = tally_write_answers(text, &traffic, 7, NOW);
    enum {
        HEAD = 1 + 8,
        FIRST = 1 + 2 + 2
    };
    for (size_t cut = 0; cut < len; cut++) {
        if (cut != HEAD && cut != HEAD + FIRST) {
            assert_int_equal(tally_read_answers((struct octets){ text, cut }, 7, &hour, see, &seen),
                             RESULT_DAMAGED);
        }
    }
    text[len - 1] = 4; /* fewer in the day than in the hour */
    assert_int_equal(tally_read_answers((struct octets){ text, len }, 7, &hour, see, &seen),
                     RESULT_DAMAGED);
    text[0] = 2;
    assert_int_equal(tally_read_answers((struct octets){ text, len }, 7, &hour, see, &seen),
                     RESULT_NEWER);
    assert_int_equal(seen.count, 0);
}

/* -- several machines -- */

static struct traffic_cell part_cells[PARTS];
static struct tally_part parts[PARTS];

static void set_parts(const double queries[PARTS])
{
    for (unsigned i = 0; i < PARTS; i++) {
        part_cells[i] = (struct traffic_cell){ "DE", "", queries[i], NOW, false };
        parts[i] = (struct tally_part){ &part_cells[i], 1, queries[i], 0 };
    }
}

static void the_sum_has_what_all_machines_asked_for(void **)
{
    const double queries[PARTS] = { 100, 20, 60, 0, 0 };
    const struct traffic_cell other = { "NL", "", 80, NOW - TRAFFIC_HALF_LIFE_S, false };
    double by_cell[CELLS];
    set_parts(queries);
    parts[2].cells = &other;
    parts[2].total = tally_total(&other, 1, NOW);
    tally_weigh(parts, 3);
    tally_sum(&sum, parts, 3, NOW);
    assert_int_equal(sum.cell_count, 2);
    assert_true(is_about(traffic_total(&sum, NOW), 160));
    traffic_demand(&sum, cells, CELLS, NOW, by_cell);
    assert_true(by_cell[GERMANY] > 120 && by_cell[BERLIN] > by_cell[WORLD]);
}

static void of_four_machines_none_counts_for_more_than_a_quarter(void **)
{
    const double queries[PARTS] = { 1e9, 30, 20, 10, 0 };
    set_parts(queries);
    tally_weigh(parts, 3);
    assert_true(parts[0].factor == 1 && parts[1].factor == 1);
    tally_weigh(parts, 4);
    tally_sum(&sum, parts, 4, NOW);
    assert_true(is_about(traffic_total(&sum, NOW), 80));
    assert_true(is_about(parts[0].factor * 1e9, 20));
    assert_true(parts[1].factor == 1 && parts[3].factor == 1);
}

static void machines_that_idle_take_nothing_from_the_others(void **)
{
    const double queries[PARTS] = { 90, 90, 90, 90, 0 };
    set_parts(queries);
    tally_weigh(parts, PARTS);
    for (unsigned i = 0; i < PARTS; i++) {
        assert_true(parts[i].factor == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(demand_is_read_as_it_was_written, tear_down),
        cmocka_unit_test_teardown(too_many_cells_keep_the_largest, tear_down),
        cmocka_unit_test_teardown(demand_that_is_no_demand_is_refused, tear_down),
        cmocka_unit_test_teardown(the_slices_together_have_the_answers_of_all_members, tear_down),
        cmocka_unit_test_teardown(answers_beyond_the_bound_are_left_out, tear_down),
        cmocka_unit_test_teardown(answers_that_are_none_are_refused_whole, tear_down),
        cmocka_unit_test_teardown(the_sum_has_what_all_machines_asked_for, tear_down),
        cmocka_unit_test_teardown(of_four_machines_none_counts_for_more_than_a_quarter, tear_down),
        cmocka_unit_test_teardown(machines_that_idle_take_nothing_from_the_others, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
