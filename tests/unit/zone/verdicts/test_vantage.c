#include "tests/unit/health_fixture.h"
#include "zone/verdicts/vantage.h"

enum {
    NOW = 2000000000,
    FRESH_S = 600
};

static struct vantages heard_at(uint64_t first, uint64_t second, uint64_t third)
{
    struct vantages vantages = { .count = 3,
                                 .list = { { .name = "a", .well_at = first },
                                           { .name = "b", .well_at = second },
                                           { .name = "c", .well_at = third } } };
    vantages_judge(&vantages, FRESH_S, NOW);
    return vantages;
}

static void vantage_points_that_report_count(void **)
{
    struct vantages vantages = heard_at(NOW - 10, NOW - FRESH_S - 10, NOW - FRESH_S - 11);
    assert_true(vantages.asked[0]);
    assert_true(vantages.asked[1]);
    assert_false(vantages.asked[2]);
    assert_int_equal(vantages.as_of, NOW - 10);
    assert_false(vantages.silent);
}

static void when_all_fall_silent_the_last_state_stands(void **)
{
    struct vantages vantages = heard_at(NOW - 90000, NOW - 90100, NOW - 99999);
    assert_true(vantages.silent);
    assert_true(vantages.asked[0]);
    assert_true(vantages.asked[1]);
    assert_false(vantages.asked[2]);
}

static void a_report_from_the_future_is_not_believed(void **)
{
    struct vantages vantages = heard_at(NOW + 100000, NOW - 10, 0);
    assert_false(vantages.asked[0]);
    assert_true(vantages.asked[1]);
    assert_false(vantages.asked[2]);
    vantages = heard_at(NOW + VANTAGE_AHEAD_S, NOW - 10, 0);
    assert_true(vantages.asked[0]);
}

/* Even the small lead that is allowed may be larger than the age at which others stop counting. */
static void a_clock_that_is_ahead_silences_no_other(void **)
{
    struct vantages vantages = heard_at(NOW + VANTAGE_AHEAD_S, NOW - 10, NOW - 16);
    vantages_judge(&vantages, 15, NOW);
    assert_int_equal(vantages.as_of, NOW);
    assert_true(vantages.asked[0]);
    assert_true(vantages.asked[1]);
    assert_false(vantages.asked[2]);
}

static void without_vantage_points_the_pool_is_silent(void **)
{
    struct vantages vantages = { .count = 0 };
    vantages_judge(&vantages, FRESH_S, NOW);
    assert_true(vantages.silent);
    assert_null(vantages_find(&vantages, "a"));
}

static void names_are_short_and_plain(void **)
{
    assert_true(vantage_name_fine("a"));
    assert_true(vantage_name_fine("fra-1"));
    assert_true(vantage_name_fine("0123456789abcdef"));
    assert_false(vantage_name_fine("0123456789abcdefg"));
    assert_false(vantage_name_fine(""));
    assert_false(vantage_name_fine("-a"));
    assert_false(vantage_name_fine("A"));
    assert_false(vantage_name_fine("a b"));
}

static struct vantage full_vantage(void)
{
    return (struct vantage){
        .name = "here",
        .interval_s = 1,
        .started_at = 2,
        .well_at = 3,
        .state = VANTAGE_NETWORK_OFF,
        .state_since = 4,
        .unsynchronised = true,
        .members = 5,
        .down = 6,
        .frozen_since = 7,
        .family = { { .frozen_since = 8 },
                    { .state = FAMILY_ON,
                      .state_since = 11,
                      .well_at = 12,
                      .frozen_since = 9,
                      .addresses = 13 } },
        .position = 10,
        .received_at = 11,
        .released_at = 12,
        .imported = true,
        .new_address_day = 13,
        .new_addresses = 14,
    };
}

static void report_survives_the_round_trip_without_the_pools_fields(void **)
{
    const struct vantage full = full_vantage();
    uint8_t data[128];
    struct writer w = writer_of(data, sizeof(data));
    vantage_encode(&w, &full);
    assert_false(w.failed);
    struct vantage found;
    struct reader r = reader_of(data, w.at);
    assert_ok(vantage_decode(&found, "here", &r));
    assert_true(reader_done(&r));
    assert_string_equal(found.name, "here");
    assert_true(found.interval_s == 1 && found.started_at == 2 && found.well_at == 3);
    assert_true(found.state == VANTAGE_NETWORK_OFF && found.state_since == 4);
    assert_true(found.unsynchronised && found.members == 5 && found.down == 6);
    assert_true(found.frozen_since == 7 && found.family[0].frozen_since == 8);
    const struct vantage_family *ipv4 = &found.family[ADDRESS_IPV4];
    assert_true(ipv4->state == FAMILY_ON && ipv4->state_since == 11 && ipv4->well_at == 12);
    assert_true(ipv4->frozen_since == 9 && ipv4->addresses == 13);
    assert_true(found.position == 0 && found.received_at == 0 && found.released_at == 0);
    assert_true(!found.imported && !found.forgotten && found.new_addresses == 0);
}

static void every_shorter_length_is_damaged(void **)
{
    const struct vantage full = full_vantage();
    uint8_t data[128] = { 0 };
    struct writer w = writer_of(data, sizeof(data));
    vantage_encode(&w, &full);
    for (size_t cut = 0; cut <= w.at; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, data, cut);
        struct vantage found;
        struct reader r = reader_of(exact, cut);
        assert_int_equal(vantage_decode(&found, "here", &r),
                         cut == w.at ? RESULT_OK : RESULT_DAMAGED);
        free(exact);
    }
}

static void values_out_of_range_are_damaged(void **)
{
    const struct vantage full = full_vantage();
    uint8_t data[128];
    struct writer w = writer_of(data, sizeof(data));
    struct vantage found;
    vantage_encode(&w, &full);
    struct reader r = reader_of(data, w.at), again = r;
    assert_int_equal(vantage_decode(&found, "No Name", &r), RESULT_DAMAGED);
    data[20] = VANTAGE_HELD_UP + 1;
    assert_int_equal(vantage_decode(&found, "here", &again), RESULT_DAMAGED);
}

static void row_keeps_the_pools_fields(void **)
{
    const struct vantage full = full_vantage();
    struct vantage found;
    assert_ok(vantage_put(txn, &full, &diag));
    assert_ok(vantage_get(txn, "here", &found));
    assert_true(found.position == 10 && found.received_at == 11 && found.released_at == 12);
    assert_true(found.imported && !found.forgotten && found.interval_s == 1);
    assert_true(found.new_address_day == 13 && found.new_addresses == 14);
}

static void forgotten_one_is_not_listed(void **)
{
    struct vantage full = full_vantage();
    struct vantages vantages;
    full.forgotten = true;
    assert_ok(vantage_put(txn, &full, &diag));
    assert_ok(vantages_read(&vantages, txn, FRESH_S, NOW));
    assert_int_equal(vantages.count, 0);
    assert_ok(vantage_get(txn, "here", &full));
    assert_int_equal(full.position, 10);
}

/* As written by a program of schema 2. */
static void row_of_schema_2_is_renewed(void **)
{
    uint8_t data[128];
    struct writer w = writer_of(data, sizeof(data));
    struct vantage found;
    write_u32(&w, 60);
    write_u64(&w, 1);
    write_u64(&w, 2);
    write_u8(&w, VANTAGE_NETWORK_OFF);
    write_u64(&w, 3);
    write_u8(&w, 1);
    write_u8(&w, 1);
    write_u32(&w, 4);
    write_u32(&w, 5);
    write_u64(&w, 6);
    write_u64(&w, 7);
    write_u64(&w, 8);
    write_u64(&w, 9);
    assert_ok(store_put(txn, TABLE_VANTAGES, "old", 3, data, w.at));
    assert_ok(vantage_migrate_2(txn, &diag));
    assert_ok(vantage_get(txn, "old", &found));
    assert_true(found.interval_s == 60 && found.well_at == 2 && found.unsynchronised);
    assert_true(found.imported && found.members == 4 && found.frozen_since == 6);
    assert_true(found.family[1].frozen_since == 8 && found.released_at == 9);
    assert_int_equal(found.position, 0);
    assert_ok(store_put(txn, TABLE_VANTAGES, "old", 3, data, w.at - 1));
    assert_int_equal(vantage_migrate_2(txn, &diag), RESULT_DAMAGED);
}

static void no_more_than_there_is_room_for_are_taken(void **)
{
    struct vantages vantages;
    for (unsigned i = 0; i <= VANTAGES_MAX; i++) {
        struct vantage vantage = { .well_at = NOW };
        (void)snprintf(vantage.name, sizeof(vantage.name), "v%u", i);
        assert_int_equal(vantage_put(txn, &vantage, &diag),
                         i < VANTAGES_MAX ? RESULT_OK : RESULT_FULL);
    }
    assert_non_null(strstr(diag.text, "health forget"));
    struct vantage again = { .name = "v3", .well_at = NOW - 1 };
    assert_ok(vantage_put(txn, &again, &diag));
    assert_ok(vantages_read(&vantages, txn, FRESH_S, NOW));
    assert_int_equal(vantages.count, VANTAGES_MAX);
    assert_int_equal(vantages_find(&vantages, "v3")->well_at, NOW - 1);
    assert_ok(vantage_forget(txn, "v3", &diag));
    assert_int_equal(vantage_forget(txn, "v3", &diag), RESULT_NOT_FOUND);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vantage_points_that_report_count),
        cmocka_unit_test(when_all_fall_silent_the_last_state_stands),
        cmocka_unit_test(a_report_from_the_future_is_not_believed),
        cmocka_unit_test(a_clock_that_is_ahead_silences_no_other),
        cmocka_unit_test(without_vantage_points_the_pool_is_silent),
        cmocka_unit_test(names_are_short_and_plain),
        cmocka_unit_test(report_survives_the_round_trip_without_the_pools_fields),
        cmocka_unit_test(every_shorter_length_is_damaged),
        cmocka_unit_test(values_out_of_range_are_damaged),
        CASE(row_keeps_the_pools_fields),
        CASE(forgotten_one_is_not_listed),
        CASE(row_of_schema_2_is_renewed),
        CASE(no_more_than_there_is_room_for_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
