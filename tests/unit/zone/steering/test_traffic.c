#include <math.h>

#include "tests/unit/unit.h"
#include "zone/steering/traffic.h"

enum {
    NOW = 1700000000 - 1700000000 % 3600, /* the start of an hour */
    HOUR = 3600,
    DAY = 86400
};

static char dir[64];
static struct store *store;
static struct traffic traffic;
static struct diag diag;

/* In order, as locations_cells gives them. */
static const struct cell cells[] = {
    { .addresses = 0 },
    { .country = "DE", .addresses = 100 },
    { .country = "DE", .subdivision = "BE", .addresses = 100 },
    { .country = "NL", .addresses = 600 },
    { .country = "US", .addresses = 200 },
};
enum {
    CELLS = sizeof(cells) / sizeof(cells[0]),
    WORLD = 0,
    GERMANY,
    BERLIN,
    NETHERLANDS
};

static int set_up(void **)
{
    (void)snprintf(dir, sizeof(dir), "test_traffic.XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_ok(store_create(dir, STORE_TRAFFIC, &diag));
    assert_ok(store_open(&store, dir, STORE_TRAFFIC, true, &diag));
    return 0;
}

static int tear_down(void **)
{
    char command[128];
    traffic_done(&traffic);
    store_close(store);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
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

static void save(void)
{
    struct store_txn *txn = NULL;
    assert_ok(store_write(store, &txn, &diag));
    assert_ok(traffic_save(&traffic, txn, &diag));
    assert_ok(store_commit(txn, &diag));
}

static enum result load(void)
{
    struct store_txn *txn = NULL;
    traffic_done(&traffic);
    assert_ok(store_read(store, &txn, &diag));
    enum result result = traffic_load(&traffic, txn, &diag);
    store_abort(txn);
    return result;
}

static size_t rows(void)
{
    struct store_txn *txn = NULL;
    assert_ok(store_read(store, &txn, &diag));
    size_t count = store_count(txn, TABLE_TRAFFIC);
    store_abort(txn);
    return count;
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 0.001 + fabs(expected) / 1e6) {
        fail_msg("%f is not %f", value, expected);
    }
}

static void a_part_can_be_loaded(void **)
{
    struct store_txn *txn = NULL;
    struct traffic part;
    ask(GERMANY, 5, NOW);
    for (uint64_t id = 1; id <= 10; id++) {
        give(id, id, NOW - DAY);
        give(id, id, NOW);
    }
    save();
    assert_ok(store_read(store, &txn, &diag));
    assert_ok(traffic_load_cells(&part, txn, &diag));
    assert_int_equal(part.cell_count, 1);
    assert_int_equal(part.member_count, 0);
    traffic_done(&part);
    assert_ok(traffic_load_slice(&part, txn, 4, 2, &diag));
    assert_int_equal(part.cell_count, 0);
    assert_int_equal(part.member_count, 3);
    assert_int_equal(part.members[2].member_id, 10);
    assert_int_equal(traffic_answers(&part, 10, 1, NOW), 10);
    traffic_done(&part);
    store_abort(txn);
}

static void a_query_counts_half_after_a_while(void **)
{
    const uint64_t later = NOW + TRAFFIC_HALF_LIFE_S;
    ask(GERMANY, 800, NOW);
    assert_near(traffic_total(&traffic, NOW), 800);
    assert_near(traffic_total(&traffic, later), 400);
    ask(GERMANY, 100, later);
    assert_near(traffic_total(&traffic, later), 500);
    assert_near(traffic_total(&traffic, later + (uint64_t)2 * TRAFFIC_HALF_LIFE_S), 125);
}

static void a_clock_that_goes_back_changes_no_demand(void **)
{
    ask(GERMANY, 800, NOW);
    assert_near(traffic_total(&traffic, NOW - DAY), 800);
    ask(GERMANY, 1, NOW - DAY);
    assert_near(traffic_total(&traffic, NOW - DAY), 801);
}

static void counts_of_a_clock_that_was_ahead_fade_once_it_is_corrected(void **)
{
    ask(GERMANY, 800, NOW + 3650 * DAY);
    traffic_prune(&traffic, &(struct member_ids){ .count = 0 }, NOW);
    assert_near(traffic_total(&traffic, NOW), 800);
    assert_near(traffic_total(&traffic, NOW + TRAFFIC_HALF_LIFE_S), 400);
}

static void without_queries_demand_is_by_addresses(void **)
{
    double demand[CELLS];
    traffic_demand(&traffic, cells, CELLS, NOW, demand);
    assert_near(demand[WORLD], 0);
    assert_near(demand[NETHERLANDS], TRAFFIC_PRIOR * 0.6);
    assert_near(demand[BERLIN], TRAFFIC_PRIOR * 0.1);
}

static void the_prior_gives_way_to_what_is_measured(void **)
{
    double demand[CELLS];
    ask(BERLIN, TRAFFIC_PRIOR, NOW);
    traffic_demand(&traffic, cells, CELLS, NOW, demand);
    assert_near(demand[BERLIN], TRAFFIC_PRIOR * 1.05);
    assert_near(demand[NETHERLANDS], TRAFFIC_PRIOR * 0.3);
    ask(BERLIN, 2000000000, NOW);
    traffic_demand(&traffic, cells, CELLS, NOW, demand);
    assert_true(demand[BERLIN] >= 2e9);
    assert_true(demand[NETHERLANDS] == 0);
}

static void a_file_without_addresses_has_no_prior(void **)
{
    static const struct cell world[1] = { { .addresses = 0 } };
    double demand = 1;
    traffic_demand(&traffic, world, 1, NOW, &demand);
    assert_true(demand == 0);
    ask(BERLIN, 7, NOW);
    traffic_demand(&traffic, world, 1, NOW, &demand);
    assert_near(demand, 7);
}

static void demand_of_a_cell_the_file_no_longer_has_is_its_country_s(void **)
{
    struct cell countries[3] = { cells[WORLD], cells[GERMANY], cells[NETHERLANDS] };
    double demand[3];
    countries[1].addresses = countries[2].addresses = 0;
    ask(BERLIN, 50, NOW);
    ask(GERMANY, 5, NOW);
    ask(NETHERLANDS + 1, 3, NOW); /* US: not there at all */
    traffic_demand(&traffic, countries, 3, NOW, demand);
    assert_near(demand[1], 55);
    assert_near(demand[2], 0);
    assert_near(demand[0], 3);
}

static void answers_are_kept_for_a_day(void **)
{
    give(7, 100, NOW);
    give(7, 10, NOW + HOUR);
    assert_int_equal(traffic_answers(&traffic, 7, 24, NOW + HOUR), 110);
    give(7, 1, NOW + 24 * HOUR);
    assert_int_equal(traffic_answers(&traffic, 7, 24, NOW + 24 * HOUR), 111);
    assert_int_equal(traffic_answers(&traffic, 7, 24, NOW + 24 * HOUR + HOUR / 4), 86);
    assert_int_equal(traffic_answers(&traffic, 7, 24, NOW + 25 * HOUR), 11);
    assert_int_equal(traffic_answers(&traffic, 7, 24, NOW + 49 * HOUR), 0);
    assert_int_equal(traffic_answers(&traffic, 8, 24, NOW), 0);
}

static uint64_t day_of(uint64_t member_id, unsigned back, uint64_t now)
{
    uint64_t days[TRAFFIC_DAYS];
    traffic_days(&traffic, member_id, now, days);
    return days[back];
}

static void a_day_has_the_answers_of_its_hours(void **)
{
    const uint64_t midnight = NOW - NOW % DAY + DAY, later = midnight + UINT64_C(3) * DAY;
    give(7, 100, midnight - HOUR - 1);
    give(7, 10, midnight - 1);
    assert_int_equal(day_of(7, 0, midnight - 1), 110);
    give(7, 1, midnight);
    assert_int_equal(day_of(7, 0, midnight), 1);
    assert_int_equal(day_of(7, 1, midnight), 110);
    give(7, 2, later);
    assert_int_equal(day_of(7, 0, later), 2);
    assert_int_equal(day_of(7, 1, later), 0);
    assert_int_equal(day_of(7, 3, later), 1);
    assert_int_equal(day_of(7, 4, later), 110);
    assert_int_equal(day_of(8, 0, midnight), 0);
}

static void days_are_kept_for_two_months_through_every_restart(void **)
{
    const struct member_ids registered = { (uint64_t[]){ 7 }, .count = 1 };
    const uint64_t midnight = NOW - NOW % DAY, end = midnight + UINT64_C(120) * DAY;
    const uint64_t later = end + UINT64_C(58) * DAY;
    struct store_txn *txn = NULL;
    assert_ok(store_write(store, &txn, &diag));
    for (uint64_t at = midnight; at < end; at += DAY / 4) {
        give(7, 3, at);
        traffic_prune(&traffic, &registered, at);
        assert_ok(traffic_save(&traffic, txn, &diag));
        traffic_done(&traffic);
        assert_ok(traffic_load(&traffic, txn, &diag));
    }
    assert_ok(store_commit(txn, &diag));
    assert_int_equal(rows(), 2);
    for (unsigned back = 0; back < TRAFFIC_DAYS; back++) {
        assert_int_equal(day_of(7, back, end - 1), 12);
    }
    assert_int_equal(day_of(7, TRAFFIC_DAYS - 1, later), 12);
    assert_int_equal(day_of(7, TRAFFIC_DAYS - 2, later), 0);
}

static void days_outlast_a_clock_set_back_by_minutes_only(void **)
{
    give(7, 100, NOW);
    give(7, 1, NOW + HOUR);
    give(7, 1, NOW + HOUR - 60);
    assert_int_equal(day_of(7, 0, NOW + HOUR) + day_of(7, 1, NOW + HOUR), 102);
    give(7, 1, NOW - DAY);
    for (unsigned back = 1; back < TRAFFIC_DAYS; back++) {
        assert_int_equal(day_of(7, back, NOW - DAY), 0);
    }
}

static void the_last_hour_reaches_into_the_one_before(void **)
{
    give(7, 100, NOW + HOUR - 1);
    give(7, 10, NOW + HOUR);
    assert_int_equal(traffic_answers(&traffic, 7, 1, NOW + HOUR), 110);
    assert_int_equal(traffic_answers(&traffic, 7, 1, NOW + HOUR + HOUR / 4), 85);
    assert_int_equal(traffic_answers(&traffic, 7, 1, NOW + 2 * HOUR), 10);
}

static void answers_outlast_a_clock_set_back_by_minutes_only(void **)
{
    give(7, 100, NOW);
    give(7, 1, NOW - 60);
    assert_int_equal(traffic_answers(&traffic, 7, 24, NOW), 101);
    give(7, 1, NOW - DAY);
    assert_int_equal(traffic_answers(&traffic, 7, 24, NOW - DAY), 1);
}

static void a_counter_stays_at_its_maximum(void **)
{
    give(7, UINT64_C(1) << 40, NOW);
    give(7, 1, NOW);
    assert_int_equal(traffic_answers(&traffic, 7, 24, NOW), UINT32_MAX);
}

static void all_is_as_it_was_after_saving_and_loading(void **)
{
    ask(WORLD, 3, NOW);
    ask(BERLIN, 50, NOW);
    ask(GERMANY, 40, NOW);
    give(300, 5, NOW);
    give(7, 100, NOW);
    give(7, 10, NOW + HOUR);
    save();
    assert_int_equal(rows(), 6);
    struct traffic before = traffic;
    traffic = (struct traffic){ 0 };
    assert_ok(load());
    assert_int_equal(traffic.cell_count, before.cell_count);
    assert_int_equal(traffic.member_count, before.member_count);
    assert_memory_equal(traffic.cells, before.cells, 3 * sizeof(before.cells[0]));
    assert_memory_equal(traffic.members, before.members, 2 * sizeof(before.members[0]));
    traffic_done(&before);
    ask(BERLIN, 1, NOW);
    give(300, 5, NOW + HOUR);
    save();
    assert_ok(load());
    assert_near(traffic_total(&traffic, NOW), 94);
    assert_int_equal(traffic_answers(&traffic, 300, 24, NOW + HOUR), 10);
}

static void rows_of_members_that_are_gone_go(void **)
{
    const struct member_ids registered = { (uint64_t[]){ 1, 7, 9 }, .count = 3 };
    give(5, 5, NOW);
    give(7, 7, NOW);
    give(300, 3, NOW);
    save();
    traffic_prune(&traffic, &registered, NOW);
    save();
    assert_int_equal(rows(), 1);
    assert_int_equal(traffic.member_count, 1);
    assert_int_equal(traffic_answers(&traffic, 7, 24, NOW), 7);
}

static void demand_that_has_decayed_is_forgotten(void **)
{
    const struct member_ids registered = { (uint64_t[]){ 7 }, .count = 1 };
    ask(BERLIN, 2, NOW);
    give(7, 7, NOW);
    save();
    traffic_prune(&traffic, &registered, NOW + (uint64_t)7 * TRAFFIC_HALF_LIFE_S);
    save();
    assert_int_equal(rows(), 2);
    traffic_prune(&traffic, &registered, NOW + (uint64_t)8 * TRAFFIC_HALF_LIFE_S);
    save();
    assert_int_equal(rows(), 1);
    traffic_prune(&traffic, &registered, NOW + UINT64_C(59) * DAY);
    save();
    assert_int_equal(rows(), 1);
    traffic_prune(&traffic, &registered, NOW + UINT64_C(60) * DAY);
    save();
    assert_int_equal(rows(), 0);
    assert_int_equal(traffic.cell_count + traffic.member_count, 0);
}

static void uncommitted_counts_are_written_again(void **)
{
    struct store_txn *txn = NULL;
    give(7, 7, NOW);
    ask(BERLIN, 2, NOW);
    assert_ok(store_write(store, &txn, &diag));
    assert_ok(traffic_save(&traffic, txn, &diag));
    store_abort(txn);
    traffic_unsaved(&traffic);
    save();
    assert_int_equal(rows(), 3);
}

static void put(const void *key, size_t key_len, const void *value, size_t len)
{
    struct store_txn *txn = NULL;
    assert_ok(store_write(store, &txn, &diag));
    assert_ok(store_put(txn, TABLE_TRAFFIC, key, key_len, value, len));
    assert_ok(store_commit(txn, &diag));
}

/* A good row, cut at each place, and with each of its octets another. */
static void spoil(uint8_t first)
{
    uint8_t key[STORE_KEY_MAX], value[512];
    struct store_txn *txn = NULL;
    struct store_item at = { .data = key, .len = 1, .room = sizeof(key) };
    struct store_item row = { .data = value, .room = sizeof(value) };
    key[0] = first;
    assert_ok(store_read(store, &txn, &diag));
    assert_ok(store_find(txn, TABLE_TRAFFIC, SEEK_AT_OR_AFTER, &at, &row));
    store_abort(txn);
    for (size_t len = 1; len < row.len; len++) {
        put(key, at.len, value, len);
        assert_int_equal(load(), RESULT_DAMAGED);
        assert_non_null(strstr(diag.text, "restore"));
    }
    for (size_t i = 0; i < row.len; i++) {
        uint8_t bit = (uint8_t)(1U << i % 8);
        value[i] ^= bit;
        put(key, at.len, value, row.len);
        enum result result = load();
        assert_true(result == RESULT_DAMAGED || (result == RESULT_OK && i > 0));
        (void)traffic_total(&traffic, NOW);
        (void)traffic_answers(&traffic, 7, 24, NOW);
        (void)day_of(7, 0, NOW);
        value[i] ^= bit;
    }
    put(key, at.len, value, row.len);
    assert_ok(load());
}

static void a_row_that_is_cut_or_changed_is_refused_or_harmless(void **)
{
    ask(BERLIN, 50, NOW);
    give(7, 100, NOW);
    traffic_add_over_budget(&traffic, 3, NOW);
    give(7, 1, NOW + HOUR);
    traffic_add_totals(&traffic, 9, 8, NOW);
    save();
    for (uint8_t kind = 1; kind <= 5; kind++) {
        spoil(kind);
    }
}

static void assert_spell(uint64_t since, uint64_t until, uint64_t answers)
{
    const struct traffic_spell *spell = &traffic.over_budget;
    assert_int_equal(spell->since, since);
    assert_int_equal(spell->until, until);
    assert_int_equal(spell->answers, answers);
}

static void a_spell_lasts_until_a_pause(void **)
{
    traffic_add_over_budget(&traffic, 0, NOW);
    assert_spell(0, 0, 0);
    traffic_add_over_budget(&traffic, 5, NOW + 60);
    traffic_add_over_budget(&traffic, 7, NOW + 60 + TRAFFIC_SPELL_S);
    traffic_add_over_budget(&traffic, 0, NOW + 60 + 2 * TRAFFIC_SPELL_S);
    assert_spell(NOW + 60, NOW + 60 + TRAFFIC_SPELL_S, 12);
    save();
    assert_ok(load());
    assert_spell(NOW + 60, NOW + 60 + TRAFFIC_SPELL_S, 12);
    traffic_add_over_budget(&traffic, 1, NOW + 61 + 2 * TRAFFIC_SPELL_S);
    assert_spell(NOW + 61 + 2 * TRAFFIC_SPELL_S, NOW + 61 + 2 * TRAFFIC_SPELL_S, 1);
    traffic_add_over_budget(&traffic, 2, NOW); /* the clock went back */
    assert_spell(NOW, NOW, 2);
    save();
    traffic_unsaved(&traffic);
    assert_true(traffic.over_budget.changed);
}

static void a_key_that_is_none_is_refused(void **)
{
    static const char *const keys[] = { "\1D", "\1D\0", "\1DEBERL", "\2short", "\3DE" };
    static const size_t lens[] = { 2, 3, 7, 6, 3 };
    ask(BERLIN, 50, NOW);
    save();
    for (unsigned i = 0; i < 5; i++) {
        struct store_txn *txn = NULL;
        static const uint8_t value[17] = { 1 };
        put(keys[i], lens[i], value, sizeof(value));
        assert_int_equal(load(), RESULT_DAMAGED);
        assert_ok(store_write(store, &txn, &diag));
        assert_ok(store_delete(txn, TABLE_TRAFFIC, keys[i], lens[i]));
        assert_ok(store_commit(txn, &diag));
    }
    assert_ok(load());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_part_can_be_loaded),
        TEST(a_query_counts_half_after_a_while),
        TEST(a_clock_that_goes_back_changes_no_demand),
        TEST(counts_of_a_clock_that_was_ahead_fade_once_it_is_corrected),
        TEST(without_queries_demand_is_by_addresses),
        TEST(the_prior_gives_way_to_what_is_measured),
        TEST(a_file_without_addresses_has_no_prior),
        TEST(demand_of_a_cell_the_file_no_longer_has_is_its_country_s),
        TEST(answers_are_kept_for_a_day),
        TEST(a_day_has_the_answers_of_its_hours),
        TEST(days_are_kept_for_two_months_through_every_restart),
        TEST(days_outlast_a_clock_set_back_by_minutes_only),
        TEST(the_last_hour_reaches_into_the_one_before),
        TEST(answers_outlast_a_clock_set_back_by_minutes_only),
        TEST(a_counter_stays_at_its_maximum),
        TEST(all_is_as_it_was_after_saving_and_loading),
        TEST(rows_of_members_that_are_gone_go),
        TEST(demand_that_has_decayed_is_forgotten),
        TEST(uncommitted_counts_are_written_again),
        TEST(a_row_that_is_cut_or_changed_is_refused_or_harmless),
        TEST(a_key_that_is_none_is_refused),
        TEST(a_spell_lasts_until_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
