#include "tests/unit/life.h"
#include "tools/keyhealth.h"

static struct keyroll healthy(void)
{
    struct keyroll roll = { .remembered = true, .memory.seen_at = START };
    roll.keys.count = 1;
    roll.keys.list[0] = (struct key_record){ .algorithm = ALGORITHM_ED25519,
                                             .role = KEY_CSK,
                                             .life = key_life_in_use(KEY_CSK, START) };
    return roll;
}

/* The only warning; "" for none. */
static void expect(const struct keyroll *roll, uint64_t now, const char *what)
{
    json_t *warnings = json_array();
    const struct slices none = { .count = 0 };
    keyhealth_warn(warnings, roll, &none, now);
    assert_int_equal(json_array_size(warnings), *what == 0 ? 0 : 1);
    if (*what != 0) {
        assert_non_null(strstr(json_string_value(json_array_get(warnings, 0)), what));
    }
    json_decref(warnings);
}

static void health_is_silent(void **state)
{
    (void)state;
    struct keyroll roll = healthy();
    expect(&roll, START, "");
    expect(&roll, START + 2 * HOUR, "");
}

static void a_server_that_is_away_is_missed(void **state)
{
    (void)state;
    struct keyroll roll = healthy();
    expect(&roll, START + 2 * HOUR + 1, "since 2027-01-15T08:00:00Z: is ntspoold running");
}

static void a_clock_that_is_behind_is_seen(void **state)
{
    (void)state;
    struct keyroll roll = healthy();
    expect(&roll, START - 200, "");
    expect(&roll, START - 400, "the clock is behind");
}

static void a_parent_that_takes_its_time_is_named(void **state)
{
    (void)state;
    struct keyroll roll = healthy();
    roll.memory.seen_at = START + 3 * DAY;
    expect(&roll, START + 3 * DAY, "");
    expect(&roll, START + 3 * DAY + 1, "ds-seen");
    roll.keys.list[0].life.ds.on_clear = START;
    expect(&roll, START + 3 * DAY + 1, "");
}

static void keys_that_do_not_fit_are_seen(void **state)
{
    (void)state;
    struct keyroll roll = healthy();
    roll.keys.list[0].life.zone.off_at = START;
    expect(&roll, START, "do not fit together");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_is_silent),
        cmocka_unit_test(a_server_that_is_away_is_missed),
        cmocka_unit_test(a_clock_that_is_behind_is_seen),
        cmocka_unit_test(a_parent_that_takes_its_time_is_named),
        cmocka_unit_test(keys_that_do_not_fit_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
