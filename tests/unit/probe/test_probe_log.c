#include <string.h>
#include <syslog.h>

#include "probe/probe_log.h"
#include "tests/unit/unit.h"

static unsigned lines;
static char last_line[1024], last_fields[256];

static const char *or_none(const char *field)
{
    return field != NULL ? field : "-";
}

static void count(int, const struct log_fields *fields, const char *text)
{
    lines++;
    if (fields != NULL) {
        (void)snprintf(last_fields, sizeof(last_fields), "%s %s %s %s", or_none(fields->member),
                       or_none(fields->address), or_none(fields->failure),
                       or_none(fields->warning));
    }
    (void)snprintf(last_line, sizeof(last_line), "%s", text);
}

static const struct probe_log probe_log = { .log = count };

static struct probed_member *member_new(unsigned address_count)
{
    struct probed_member *member = probed_member_new(NULL, 7);
    struct address addresses[2];
    assert_ok(address_parse(&addresses[0], "192.0.2.1"));
    assert_ok(address_parse(&addresses[1], "192.0.2.2"));
    probed_member_set_addresses(member, addresses, address_count);
    (void)strcpy(member->label, "one");
    lines = 0;
    return member;
}

/* The address's probe ends so. */
static void probe(struct probed_member *member, unsigned index, enum failure failure)
{
    struct address_health *row = &member->health.addresses[index];
    const struct address_health before = *row;
    row->failure = failure;
    row->probes++;
    (void)snprintf(row->detail, sizeof(row->detail), "said \n%d", failure);
    probe_log_probe(&probe_log, member, index, &before);
}

static void a_change_is_one_line_and_a_probe_none(void **)
{
    struct probed_member *member = member_new(1);
    probe(member, 0, FAILURE_NONE);
    assert_string_equal(last_line, "member one: 192.0.2.1: ok");
    assert_string_equal(last_fields, "one 192.0.2.1 - -");
    probe(member, 0, FAILURE_NONE);
    assert_int_equal(lines, 1);
    probe(member, 0, FAILURE_CONNECT_REFUSED);
    assert_int_equal(strncmp(last_line, "member one: 192.0.2.1: ", 23), 0);
    assert_non_null(strstr(last_line, failure_id(FAILURE_CONNECT_REFUSED)));
    assert_string_equal(last_fields, "one 192.0.2.1 connect-refused -");
    probe(member, 0, FAILURE_CONNECT_REFUSED);
    assert_int_equal(lines, 2);
    probed_member_free(member);
}

/* A member may fail in another way each time it is probed. */
static void a_member_that_swings_does_not_fill_the_log(void **)
{
    struct probed_member *member = member_new(2);
    for (unsigned i = 0; i < 1000; i++) {
        probe(member, 0, i % 2 == 0 ? FAILURE_CONNECT_REFUSED : FAILURE_NONE);
    }
    assert_int_equal(lines, LOG_WINDOW_LINES);
    probe(member, 1, FAILURE_NONE);
    assert_string_equal(last_line, "member one: 192.0.2.2: ok"); /* not left out with the other */
    member->address_limits[0].began_ms -= LOG_WINDOW_MS;
    probe(member, 0, FAILURE_NONE); /* no change, but the last one was left out */
    assert_string_equal(last_line,
                        "member one: 192.0.2.1: ok (990 changes before were not logged)");
    assert_int_equal(lines, LOG_WINDOW_LINES + 2);
    probed_member_free(member);
}

static void new_addresses_share_the_limit_of_those_before(void **)
{
    struct probed_member *member = member_new(1);
    for (unsigned i = 0; i < 1000; i++) {
        struct address address;
        char text[ADDRESS_TEXT_MAX];
        (void)snprintf(text, sizeof(text), "2a0f:44::%x", i + 1);
        assert_ok(address_parse(&address, text));
        probed_member_set_addresses(member, &address, 1);
        probe(member, 0, FAILURE_NONE);
    }
    assert_int_equal(lines, LOG_WINDOW_LINES);
    probed_member_free(member);
}

/* The history has its own bounds. */
static void stages_are_limited_in_the_log_and_told_to_the_history(void **)
{
    struct probed_member *member = member_new(1);
    char text[HISTORY_EVENT_ROOM];
    assert_false(probe_log_stage(&probe_log, member, member->health.stage, text));
    for (unsigned i = 0; i < 100; i++) {
        enum stage before = member->health.stage;
        member->health.stage = i % 2 == 0 ? STAGE_ELIGIBLE : STAGE_FALLING;
        assert_true(probe_log_stage(&probe_log, member, before, text));
        assert_string_equal(text, stage_text(member->health.stage));
    }
    assert_int_equal(lines, LOG_WINDOW_LINES);
    member->stage_limit.began_ms -= LOG_WINDOW_MS;
    assert_false(probe_log_stage(&probe_log, member, member->health.stage, text));
    assert_int_equal(lines, LOG_WINDOW_LINES + 1);
    assert_non_null(strstr(last_line, " (90 changes before were not logged)"));
    probed_member_free(member);
}

/* What an alarm is about. Swings as many members can make it. */
static void swing(struct vantage *vantage, bool alarm)
{
    vantage->frozen_since = alarm ? 1 : 0;
    vantage->state = alarm ? VANTAGE_NETWORK_OFF : VANTAGE_WELL;
    vantage->family[ADDRESS_IPV4] =
        (struct vantage_family){ .state = alarm ? FAMILY_OFF : FAMILY_ON, .addresses = 3 };
}

static void what_is_said_of_ourselves_is_limited_and_reported_each_time(void **)
{
    static bool (*const tell[])(struct probe_log *,
                                const struct vantage *) = { probe_log_alarm, probe_log_state,
                                                            probe_log_families };
    static const char *const fields[] = { "- - - vantage-frozen", "- - - vantage-aside",
                                          "- - - vantage-family-off" };
    for (size_t i = 0; i < sizeof(tell) / sizeof(tell[0]); i++) {
        struct probe_log own = { .log = count };
        struct vantage vantage = { 0 };
        swing(&vantage, false);
        assert_false(tell[i](&own, &vantage));
        lines = 0;
        for (unsigned k = 0; k < 101; k++) {
            swing(&vantage, k % 2 == 0);
            assert_true(tell[i](&own, &vantage));
            assert_false(tell[i](&own, &vantage));
            if (k == 0) {
                assert_string_equal(last_fields, fields[i]);
            }
        }
        assert_int_equal(lines, LOG_WINDOW_LINES);
        struct log_limit *limits[] = { &own.alarm_limit, &own.state_limit,
                                       &own.family_limits[ADDRESS_IPV4] };
        limits[i]->began_ms -= LOG_WINDOW_MS;
        assert_false(tell[i](&own, &vantage));
        assert_int_equal(lines, LOG_WINDOW_LINES + 1);
        assert_non_null(strstr(last_line, " (91 changes before were not logged)"));
    }
}

static void a_failure_of_ours_is_logged_once_and_so_is_its_end(void **)
{
    struct probe_log own = { .log = count };
    const struct diag diag = { "disk full" };
    lines = 0;
    probe_log_recovered(&own, PROBE_LOG_VERDICTS);
    for (unsigned i = 0; i < 3; i++) {
        probe_log_failed(&own, PROBE_LOG_VERDICTS, &diag);
    }
    assert_string_equal(last_line,
                        "verdicts can't be written: disk full; going on with what is known");
    probe_log_recovered(&own, PROBE_LOG_VERDICTS);
    assert_string_equal(last_line, "verdicts are written again");
    assert_int_equal(lines, 2);
}

static void each_probe_has_a_line_for_developers_only(void **)
{
    struct probed_member *member = member_new(1);
    struct probed_address probed = { .member = member };
    const struct outcome refused = { .failure = FAILURE_CONNECT_REFUSED, .detail = "nobody there" };
    const struct outcome fine = { .timed = true, .sample = { .offset_us = -7, .rtt_us = 900 } };
    probe_log_outcome(&probe_log, &probed, &refused);
    assert_int_equal(lines, 0);
    assert_ok(log_level_set("debug", NULL));
    probe_log_outcome(&probe_log, &probed, &refused);
    assert_string_equal(last_line, "probed member one: 192.0.2.1: connect-refused nobody there");
    probe_log_outcome(&probe_log, &probed, &fine);
    assert_string_equal(last_line,
                        "probed member one: 192.0.2.1: ok, offset -7 us, round trip 900 us");
    assert_ok(log_level_set(LOG_LEVEL_PRESET, NULL));
    probed_member_free(member);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_one_line_and_a_probe_none),
        cmocka_unit_test(a_member_that_swings_does_not_fill_the_log),
        cmocka_unit_test(new_addresses_share_the_limit_of_those_before),
        cmocka_unit_test(stages_are_limited_in_the_log_and_told_to_the_history),
        cmocka_unit_test(what_is_said_of_ourselves_is_limited_and_reported_each_time),
        cmocka_unit_test(a_failure_of_ours_is_logged_once_and_so_is_its_end),
        cmocka_unit_test(each_probe_has_a_line_for_developers_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
