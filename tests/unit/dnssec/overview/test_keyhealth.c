#include "dnssec/overview/keyhealth.h"
#include "tests/unit/life.h"

static struct fleetkeys fleet; /* all zero: there is none */

static struct key_timeline healthy(void)
{
    struct key_timeline timeline = { .remembered = true, .memory.seen_at = START };
    timeline.keys.count = 1;
    timeline.keys.list[0] = (struct key_record){ .algorithm = ALGORITHM_ED25519,
                                                 .role = KEY_CSK,
                                                 .life = key_life_in_use(KEY_CSK, START) };
    return timeline;
}

/* Expects this as the only warning. */
static void expect(const struct key_timeline *timeline, uint64_t now, enum concern_id id,
                   uint64_t since)
{
    struct concerns *concerns = xcalloc(1, sizeof *concerns);
    const struct slices none = { .count = 0 };
    keyhealth_warn(concerns, timeline, &none, &fleet, now);
    assert_int_equal(concerns->count, 1);
    assert_int_equal(concerns->list[0].id, id);
    assert_int_equal(concerns->list[0].since, since);
    free(concerns);
}

static void expect_none(const struct key_timeline *timeline, uint64_t now)
{
    struct concerns *concerns = xcalloc(1, sizeof *concerns);
    const struct slices none = { .count = 0 };
    keyhealth_warn(concerns, timeline, &none, &fleet, now);
    assert_int_equal(concerns->count, 0);
    free(concerns);
}

static void sound_keys_give_no_warning(void **)
{
    struct key_timeline timeline = healthy();
    expect_none(&timeline, START);
    expect_none(&timeline, START + 2 * HOUR);
}

static void a_server_that_is_not_running_is_reported(void **)
{
    struct key_timeline timeline = healthy();
    expect(&timeline, START + 2 * HOUR + 1, CONCERN_KEEPER_SILENT, START);
}

static void a_clock_that_is_behind_is_reported(void **)
{
    struct key_timeline timeline = healthy();
    expect_none(&timeline, START - 200);
    expect(&timeline, START - 400, CONCERN_CLOCK_BEHIND, 0);
}

static void a_slow_parent_zone_is_reported(void **)
{
    struct key_timeline timeline = healthy();
    timeline.memory.seen_at = START + 3 * DAY;
    expect_none(&timeline, START + 3 * DAY);
    expect(&timeline, START + 3 * DAY + 1, CONCERN_PARENT_SLOW, START);
    timeline.keys.list[0].life.ds.omnipresent_at = START;
    expect_none(&timeline, START + 3 * DAY + 1);
}

static void keys_that_wait_for_machines_are_reported(void **)
{
    struct key_timeline timeline = healthy();
    struct concerns *concerns = xcalloc(1, sizeof *concerns);
    const struct slices none = { .count = 0 };
    fleet = (struct fleetkeys){ .number = 7, .decided_at = START, .missing = 3, .held = KEY_KSK };
    (void)snprintf(fleet.waits_for, sizeof fleet.waits_for, "fra1");
    fleet.cookie_rolls = true;
    expect_none(&timeline, START + HOUR);
    expect(&timeline, START + HOUR + 1, CONCERN_KEYS_WAIT, START);
    keyhealth_warn(concerns, &timeline, &none, &fleet, START + HOUR + 1);
    assert_string_equal(concerns->list[0].subject, "fra1");
    assert_non_null(strstr(concerns->list[0].text, "for fra1 and 2 others to take"));
    assert_non_null(strstr(concerns->list[0].text, "holds up: KSK, cookie secret;"));
    free(concerns);
    fleet.had_at = START + 1;
    expect_none(&timeline, START + HOUR + 1);
    fleet = (struct fleetkeys){ .number = 0 };
}

static void a_follower_without_keys_or_with_old_ones_is_reported(void **)
{
    struct key_timeline timeline = { .remembered = true, .memory.follows = true };
    expect(&timeline, START, CONCERN_FOLLOWER_EMPTY, 0);
    timeline = healthy();
    timeline.memory.follows = true;
    expect_none(&timeline, START + DAY);
    expect(&timeline, START + DAY + 1, CONCERN_FOLLOWER_OLD, START);
}

static void inconsistent_keys_are_reported(void **)
{
    struct key_timeline timeline = healthy();
    timeline.keys.list[0].life.zone.withdrawn_at = START;
    expect(&timeline, START, CONCERN_KEYS_UNSAFE, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_keys_give_no_warning),
        cmocka_unit_test(a_server_that_is_not_running_is_reported),
        cmocka_unit_test(a_clock_that_is_behind_is_reported),
        cmocka_unit_test(a_slow_parent_zone_is_reported),
        cmocka_unit_test(keys_that_wait_for_machines_are_reported),
        cmocka_unit_test(a_follower_without_keys_or_with_old_ones_is_reported),
        cmocka_unit_test(inconsistent_keys_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
