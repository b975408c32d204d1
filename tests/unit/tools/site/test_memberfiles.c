#include "tests/unit/track_fixture.h"
#include "tools/site/memberfiles.h"

static struct markup m;

static json_t *json(const struct membershare *share)
{
    json_error_t error;
    markup_clear(&m);
    memberfiles_json(&m, &pool, &track, share);
    json_t *out = json_loads(m.text, 0, &error);
    assert_non_null(out);
    return out;
}

static json_t *at(json_t *object, const char *name, size_t index)
{
    json_t *found = json_array_get(json_object_get(object, name), index);
    assert_non_null(found);
    return found;
}

static void json_has_the_member_and_two_days_in_columns(void **)
{
    fail_subject(0, FAILURE_KE_ERROR, HOSTILE);
    track.subjects[0].quarters[3] = (struct track_quarter){ .probes = 0 };
    json_t *all = json(NULL), *member = json_object_get(all, "member");
    assert_string_equal(json_string_value(json_object_get(member, "state")), "eligible");
    json_t *probe = at(at(member, "addresses", 0), "probes", 0);
    assert_string_equal(json_string_value(json_object_get(probe, "failure")), "ke-error");
    assert_true(json_is_true(json_object_get(probe, "counts")));
    json_t *series = json_object_get(all, "series"), *first = at(series, "probes", 0);
    assert_int_equal(json_integer_value(json_object_get(series, "count")), HISTORY_QUARTERS);
    static const char *const columns[] = { "score", "offset_ms", "rtt_ms" };
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(json_array_size(json_object_get(first, columns[i])), HISTORY_QUARTERS);
        assert_true(json_is_null(at(first, columns[i], 3)));
    }
    assert_true(json_number_value(at(first, "offset_ms", 0)) == -1.5);
    json_t *failed = at(first, "failed", 0);
    assert_int_equal(json_integer_value(json_array_get(failed, 0)), HISTORY_QUARTERS - 1);
    assert_int_equal(json_integer_value(json_array_get(failed, 1)), 3);
    assert_true(json_number_value(at(at(series, "median", 1), "score", 7)) == 20);
    json_decref(all);
}

static void json_has_what_is_public_only(void **)
{
    track.view.member.capacity_mbit = 424242;
    (void)snprintf(track.view.member.contact, CONTACT_ROOM, "root@secret.example");
    json_decref(json(NULL));
    assert_null(strstr(m.text, "424242"));
    assert_null(strstr(m.text, "root@"));
    track.view.member.unlisted = true;
    json_decref(json(NULL));
    assert_null(strstr(m.text, "192.0.2.1"));
    assert_non_null(strstr(m.text, "\"eligible\""));
}

static void json_has_the_share_if_it_is_known(void **)
{
    const struct membershare share = { .day = 5, .all_day = 50, .handed_out = true, .fair = 0.1 };
    json_t *all = json(&share);
    json_t *found = json_object_get(all, "share");
    assert_int_equal(json_integer_value(json_object_get(found, "answers_day")), 5);
    assert_true(json_is_null(json_object_get(found, "expected")));
    json_decref(all);
    all = json(NULL);
    assert_true(json_is_null(json_object_get(all, "share")));
    json_decref(all);
}

static void csv_has_a_row_for_each_day_with_probes(void **)
{
    static struct memberdays days;
    days = (struct memberdays){ .first = NOW / 86400 - TRACK_DAYS + 1 };
    days.days[1][TRACK_DAYS - 1] = (struct track_day){ .probes = 100,
                                                       .failures = 50,
                                                       .score_low_milli = -5000,
                                                       .score_sum_milli = 1000000,
                                                       .offset_sum_us = 50000,
                                                       .rtt_sum_us = 500000 };
    days.days[0][TRACK_DAYS - 2] = (struct track_day){ .probes = 2, .failures = 2 };
    markup_clear(&m);
    memberfiles_csv(&m, &track, &days);
    assert_string_equal(m.text,
                        "date,address,probes,failed,score_mean,score_low,offset_ms,rtt_ms\r\n"
                        "2026-11-29,192.0.2.1,2,2,0,0,,\r\n"
                        "2026-11-30,2001:db8::1,100,50,10,-5,1,10\r\n");
}

static void a_feed_has_the_last_events_with_ids_of_their_own(void **)
{
    for (; track.event_count < 30; track.event_count++) {
        struct history_event *event = &track.events[track.event_count];
        *event =
            (struct history_event){ .at = NOW - 3000 + track.event_count / 2 * 60, .who = "delft" };
        (void)snprintf(event->text, sizeof(event->text), "event <%zu>", track.event_count);
    }
    markup_clear(&m);
    memberfiles_atom(&m, &pool, &track);
    assert_null(strstr(m.text, "event &lt;9&gt;"));
    assert_non_null(strstr(m.text, "event &lt;10&gt;"));
    assert_true(strstr(m.text, "event &lt;29&gt;") < strstr(m.text, "event &lt;28&gt;"));
    assert_non_null(strstr(m.text, "<id>tag:pool.example,2026-11-30:alice:1795998240:0</id>"));
    assert_non_null(strstr(m.text, "<id>tag:pool.example,2026-11-30:alice:1795998240:1</id>"));
    assert_non_null(strstr(m.text, "href=\"alice.html\""));
    pool.options.url = "https://www.example";
    markup_clear(&m);
    memberfiles_atom(&m, &pool, &track);
    assert_non_null(strstr(m.text, "href=\"https://www.example/members/alice.html\""));
}

static void an_empty_log_is_a_feed_too(void **)
{
    markup_clear(&m);
    memberfiles_atom(&m, &pool, &track);
    assert_non_null(strstr(m.text, "<updated>2025-10-26T"));
    assert_null(strstr(m.text, "<entry>"));
}

static void a_badge_says_one_word(void **)
{
    static const struct {
        enum stage stage;
        enum hold hold;
        bool suspended;
        const char *word;
    } cases[] = { { STAGE_ELIGIBLE, HOLD_NONE, false, ">in<" },
                  { STAGE_FALLING, HOLD_WAITING, false, ">in<" },
                  { STAGE_FALLING, HOLD_FROZEN, false, ">held<" },
                  { STAGE_CERTIFIED, HOLD_NONE, false, ">new<" },
                  { STAGE_INELIGIBLE, HOLD_NONE, false, ">out<" },
                  { STAGE_ELIGIBLE, HOLD_NONE, true, ">out<" } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        track.view.consensus.health.stage = cases[i].stage;
        track.view.consensus.hold = cases[i].hold;
        track.view.member.suspended = cases[i].suspended;
        judge();
        markup_clear(&m);
        memberfiles_badge(&m, &track.view);
        assert_non_null(strstr(m.text, cases[i].word));
        assert_true(m.len < 600);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_track, end_track)
    const struct CMUnitTest tests[] = {
        TEST(json_has_the_member_and_two_days_in_columns),
        TEST(json_has_what_is_public_only),
        TEST(json_has_the_share_if_it_is_known),
        TEST(csv_has_a_row_for_each_day_with_probes),
        TEST(a_feed_has_the_last_events_with_ids_of_their_own),
        TEST(an_empty_log_is_a_feed_too),
        TEST(a_badge_says_one_word),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    markup_done(&m);
    return failed;
}
