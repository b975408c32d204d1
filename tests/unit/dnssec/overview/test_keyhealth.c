#include "dnssec/overview/keyhealth.h"
#include "tests/unit/life.h"

static struct key_timeline healthy(void)
{
    struct key_timeline timeline = { .remembered = true, .memory.seen_at = START };
    timeline.keys.count = 1;
    timeline.keys.list[0] = (struct key_record){ .algorithm = ALGORITHM_ED25519,
                                                 .role = KEY_CSK,
                                                 .life = key_life_in_use(KEY_CSK, START) };
    return timeline;
}

/* Expects this text as the only warning; "" for none. */
static void expect(const struct key_timeline *timeline, uint64_t now, const char *what)
{
    struct concerns *concerns = xcalloc(1, sizeof *concerns);
    const struct slices none = { .count = 0 };
    keyhealth_warn(concerns, timeline, &none, now);
    assert_int_equal(concerns->count, *what == 0 ? 0 : 1);
    assert_non_null(strstr(concerns->list[0].text, what));
    free(concerns);
}

static void sound_keys_give_no_warning(void **)
{
    struct key_timeline timeline = healthy();
    expect(&timeline, START, "");
    expect(&timeline, START + 2 * HOUR, "");
}

static void a_server_that_is_not_running_is_reported(void **)
{
    struct key_timeline timeline = healthy();
    expect(&timeline, START + 2 * HOUR + 1, "since 2027-01-15T08:00:00Z: is ntspoold running");
}

static void a_clock_that_is_behind_is_reported(void **)
{
    struct key_timeline timeline = healthy();
    expect(&timeline, START - 200, "");
    expect(&timeline, START - 400, "the clock is behind");
}

static void a_slow_parent_zone_is_reported(void **)
{
    struct key_timeline timeline = healthy();
    timeline.memory.seen_at = START + 3 * DAY;
    expect(&timeline, START + 3 * DAY, "");
    expect(&timeline, START + 3 * DAY + 1, "ds-seen");
    timeline.keys.list[0].life.ds.omnipresent_at = START;
    expect(&timeline, START + 3 * DAY + 1, "");
}

static void inconsistent_keys_are_reported(void **)
{
    struct key_timeline timeline = healthy();
    timeline.keys.list[0].life.zone.withdrawn_at = START;
    expect(&timeline, START, "do not fit together");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_keys_give_no_warning),
        cmocka_unit_test(a_server_that_is_not_running_is_reported),
        cmocka_unit_test(a_clock_that_is_behind_is_reported),
        cmocka_unit_test(a_slow_parent_zone_is_reported),
        cmocka_unit_test(inconsistent_keys_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
