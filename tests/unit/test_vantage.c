#include "tests/unit/unit.h"
#include "zone/vantage.h"

enum {
    NOW = 2000000000,
    FRESH_S = 600
};

static struct vantages heard_at(uint64_t first, uint64_t second, uint64_t third)
{
    struct vantages vantages = {
        .count = 3,
        .list = {{ .name = "a", .well_at = first },
                 { .name = "b", .well_at = second },
                 { .name = "c", .well_at = third }}
    };
    vantages_judge(&vantages, FRESH_S, NOW);
    return vantages;
}

static void those_who_report_are_asked(void **state)
{
    (void)state;
    struct vantages vantages = heard_at(NOW - 10, NOW - FRESH_S - 10, NOW - FRESH_S - 11);
    assert_true(vantages.asked[0]);
    assert_true(vantages.asked[1]);
    assert_false(vantages.asked[2]);
    assert_int_equal(vantages.as_of, NOW - 10);
    assert_false(vantages.silent);
}

static void when_all_fall_silent_the_last_state_stands(void **state)
{
    (void)state;
    struct vantages vantages = heard_at(NOW - 90000, NOW - 90100, NOW - 99999);
    assert_true(vantages.silent);
    assert_true(vantages.asked[0]);
    assert_true(vantages.asked[1]);
    assert_false(vantages.asked[2]);
}

static void word_from_the_future_is_not_believed(void **state)
{
    (void)state;
    struct vantages vantages = heard_at(NOW + 100000, NOW - 10, 0);
    assert_false(vantages.asked[0]);
    assert_true(vantages.asked[1]);
    assert_false(vantages.asked[2]);
    vantages = heard_at(NOW + VANTAGE_AHEAD_S, NOW - 10, 0);
    assert_true(vantages.asked[0]);
}

static void nobody_is_silence(void **state)
{
    (void)state;
    struct vantages vantages = { .count = 0 };
    vantages_judge(&vantages, FRESH_S, NOW);
    assert_true(vantages.silent);
    assert_null(vantages_find(&vantages, "a"));
}

static void names_are_short_and_plain(void **state)
{
    (void)state;
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
        .imported = true,
        .members = 5,
        .down = 6,
        .frozen_since = 7,
        .family_frozen_since = {8, 9},
        .released_at = 10
    };
}

static void row_survives_the_round_trip(void **state)
{
    (void)state;
    const struct vantage full = full_vantage();
    uint8_t data[128];
    struct writer w = writer_of(data, sizeof(data));
    vantage_encode(&w, &full);
    assert_false(w.failed);
    struct vantage found;
    assert_ok(vantage_decode(&found, "here", data, w.at));
    assert_string_equal(found.name, "here");
    assert_true(found.interval_s == 1 && found.started_at == 2 && found.well_at == 3);
    assert_true(found.state == VANTAGE_NETWORK_OFF && found.state_since == 4);
    assert_true(found.unsynchronised && found.imported && found.members == 5 && found.down == 6);
    assert_true(found.frozen_since == 7 && found.family_frozen_since[0] == 8);
    assert_true(found.family_frozen_since[1] == 9 && found.released_at == 10);
}

static void every_other_length_is_damaged(void **state)
{
    (void)state;
    const struct vantage full = full_vantage();
    uint8_t data[128] = { 0 };
    struct writer w = writer_of(data, sizeof(data));
    vantage_encode(&w, &full);
    for (size_t cut = 0; cut <= w.at + 1; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, data, cut);
        struct vantage found;
        assert_int_equal(vantage_decode(&found, "here", exact, cut),
                         cut == w.at ? RESULT_OK : RESULT_DAMAGED);
        free(exact);
    }
}

static void values_out_of_range_are_damaged(void **state)
{
    (void)state;
    const struct vantage full = full_vantage();
    uint8_t data[128];
    struct writer w = writer_of(data, sizeof(data));
    struct vantage found;
    vantage_encode(&w, &full);
    assert_int_equal(vantage_decode(&found, "No Name", data, w.at), RESULT_DAMAGED);
    data[20] = VANTAGE_HELD_UP + 1;
    assert_int_equal(vantage_decode(&found, "here", data, w.at), RESULT_DAMAGED);
}

static void no_more_than_eight_are_taken(void **state)
{
    (void)state;
    char dir[] = "test_vantage.XXXXXX", command[64];
    struct store *store;
    struct store_txn *txn;
    struct diag diag;
    struct vantages vantages;
    assert_non_null(mkdtemp(dir));
    assert_ok(store_create(dir, STORE_HEALTH, &diag));
    assert_ok(store_open(&store, dir, STORE_HEALTH, true, &diag));
    assert_ok(store_write(store, &txn, &diag));
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
    store_abort(txn);
    store_close(store);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the test's own directory */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_who_report_are_asked),
        cmocka_unit_test(when_all_fall_silent_the_last_state_stands),
        cmocka_unit_test(word_from_the_future_is_not_believed),
        cmocka_unit_test(nobody_is_silence),
        cmocka_unit_test(names_are_short_and_plain),
        cmocka_unit_test(row_survives_the_round_trip),
        cmocka_unit_test(every_other_length_is_damaged),
        cmocka_unit_test(values_out_of_range_are_damaged),
        cmocka_unit_test(no_more_than_eight_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
