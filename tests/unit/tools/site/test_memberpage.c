#include "tests/unit/track_fixture.h"
#include "tools/site/memberpage.h"

static struct markup m;
static struct membershare share;

static const char *page(void)
{
    markup_clear(&m);
    judge();
    memberpage_write(&m, &pool, &track, &share);
    return m.text;
}

#define SHOWS(text, expected) assert_non_null(strstr(text, expected))
#define LACKS(text, expected) assert_null(strstr(text, expected))

static void set_stage(enum stage stage)
{
    track.view.consensus.health.stage = stage;
}

static void a_member_in_the_pool_is_said_to_be(void **)
{
    const char *text = page();
    SHOWS(text, "<strong>In the pool since ");
    SHOWS(text, "</strong>: NTS confirmed, score over the threshold.</p>");
    LACKS(text, "What to do");
}

static void a_member_that_is_out_is_told_why_and_what_to_do(void **)
{
    fail_subject(0, FAILURE_NTP_SILENT, "no reply in 5 s");
    fail_subject(2, FAILURE_NTP_SILENT, "no reply in 5 s");
    set_stage(STAGE_INELIGIBLE);
    const char *text = page();
    SHOWS(text, "<strong>Out of the pool since ");
    SHOWS(text, "<a href=\"../failures.html#ntp-silent\">ntp-silent</a>. What to do: Let UDP 123 "
                "through and check that NTP answers NTS. (RFC 8915 5)</p>");
    SHOWS(text, "no reply in 5 s");
}

static void a_member_that_is_held_is_said_to_be(void **)
{
    fail_subject(0, FAILURE_CONNECT_TIMEOUT, "");
    fail_subject(2, FAILURE_CONNECT_TIMEOUT, "");
    set_stage(STAGE_FALLING);
    track.view.consensus.hold = HOLD_FROZEN;
    const char *text = page();
    SHOWS(text, "<strong>Held in the pool since ");
    SHOWS(text, "removals are frozen. The last probe failed by ");
    SHOWS(text, "What to do: Open TCP 4460");
}

static void a_member_that_falls_is_said_to(void **)
{
    set_stage(STAGE_FALLING);
    track.view.consensus.hold = HOLD_WAITING;
    SHOWS(page(), "<strong>In the pool, but falling since ");
}

static void a_new_member_is_told_when_it_may_come_in(void **)
{
    set_stage(STAGE_OPERATIONAL);
    pool.source.settings.min_history_s = 3 * 86400;
    const char *text = page();
    SHOWS(text, "<strong>Not in the pool yet</strong>: ");
    SHOWS(text, "it can come in at <time");
    pool.source.settings.min_history_s = 60;
    LACKS(page(), "it can come in at");
}

static void a_new_member_is_told_what_it_waits_for(void **)
{
    set_stage(STAGE_OPERATIONAL);
    pool.source.settings.entry_score_milli = 21000;
    SHOWS(page(),
          "Nothing has to be done: its score rises with each good probe, and it can come in "
          "at a score of 21.0.");
    pool.source.settings.entry_score_milli = 1000;
    LACKS(page(), "Nothing has to be done");
    track.subject_count = track.view.row_count = 0;
    track.view.consensus = (struct consensus){ .known = false };
    SHOWS(page(), "What to do: get a certificate for its name. <a href=\"../join.html\">");
}

static void the_word_of_the_operator_has_no_beginning(void **)
{
    track.view.member.suspended = true;
    SHOWS(page(), "<strong>Out of the pool</strong>: suspended by the operator.");
}

static void each_address_and_vantage_point_has_a_row(void **)
{
    const char *text = page();
    SHOWS(text, "<th scope=\"row\">192.0.2.1</th><td>delft</td><td class=\"number\">20.0</td>");
    SHOWS(text, "<td class=\"number\">-1.500</td><td class=\"number\">25.250</td>");
    SHOWS(text, "<tr class=\"aside\"><th scope=\"row\">2001:db8::1</th><td>tokyo<br>"
                "<span class=\"soft\">set aside: its own clock is off</span>");
    SHOWS(text, "id=\"score-1-t\">Score of 2001:db8::1 in the last two days</title>");
    SHOWS(text, "Two days in figures");
}

static void a_member_that_nobody_has_probed_has_a_whole_page(void **)
{
    track.subject_count = 0;
    track.view.row_count = 0;
    track.view.consensus = (struct consensus){ .known = false };
    const char *text = page();
    SHOWS(text, "<td>not probed yet</td>");
    LACKS(text, "<svg");
    LACKS(text, "<h2>Certificate");
    LACKS(text, "<h2>Failed");
    SHOWS(text, "</html>");
    track.address_count = track.view.member.address_count = 0;
    SHOWS(page(), "No address is known yet.");
}

static void failures_in_a_row_are_one_line(void **)
{
    fail_subject(0, FAILURE_KE_ERROR, "bad request");
    const char *text = page();
    SHOWS(text, "<td class=\"number\">3</td><td><a href=\"../failures.html#ke-error\">ke-error</a>"
                "<br><span class=\"soft\">bad request</span>");
    LACKS(text, "There were more");
}

static void only_the_last_failures_are_listed(void **)
{
    for (size_t i = 0; i < track.subject_count; i++) {
        for (; track.subjects[i].run_count < 200; track.subjects[i].run_count++) {
            track.subjects[i].runs[track.subjects[i].run_count % TRACK_RUNS] =
                (struct track_run){ NOW - 1000, NOW - 900, 1, FAILURE_NTP_SILENT };
        }
    }
    const char *text = page();
    SHOWS(text, "There were more: these are the last 30.");
    unsigned rows = 0;
    for (const char *p = text; (p = strstr(p, "#ntp-silent")) != NULL; p++) {
        rows++;
    }
    assert_int_equal(rows, 30);
}

static void warnings_come_with_their_advice(void **)
{
    track.view.consensus.health.addresses[1].warnings = WARNING_COOKIES_FEW;
    SHOWS(page(),
          "<li>2001:db8::1: <a href=\"../failures.html#warning-cookies-few\">cookies-few</a>. "
          "Have NTS-KE give eight cookies");
}

static void shares_are_shown_as_far_as_they_are_known(void **)
{
    share = (struct membershare){ .hour = 30, .day = 700, .all_hour = 3000, .all_day = 70000 };
    SHOWS(page(), "<th scope=\"row\">hour</th><td class=\"number\">30</td><td class=\"number\">"
                  "1.000 %</td><td class=\"number\">-</td>");
    share.handed_out = true;
    share.fair = 0.005;
    SHOWS(page(), "<td class=\"number\">0.500 %</td><td class=\"number\">-</td>"
                  "<td class=\"number\">2.00</td>");
    share.all_hour = share.all_day = 0;
    SHOWS(page(), "<th scope=\"row\">day</th><td class=\"number\">700</td><td class=\"number\">-<");
}

static void answers_of_sixty_days_are_a_chart(void **)
{
    share = (struct membershare){ .all_day = 100 };
    LACKS(page(), "id=\"answers-t\"");
    share.days[0] = 3; /* today is not over */
    LACKS(page(), "id=\"answers-t\"");
    share.days[1] = share.days[20] = 700;
    SHOWS(page(), "<title id=\"answers-t\">Answers of each day</title>");
    share = (struct membershare){ .all_day = 0 };
}

static void countries_are_shown_if_steering_is_known(void **)
{
    share = (struct membershare){ .handed_out = true,
                                  .fair = 0.1,
                                  .steered = true,
                                  .expected = 0.2,
                                  .countries = { { "NL", 0.75 }, { "BE", 0.25 } },
                                  .country_count = 2 };
    SHOWS(page(), "<td class=\"number\">20.000 %</td>");
    SHOWS(page(), "<th scope=\"row\">Netherlands</th><td class=\"number\">75.0 %</td>");
    share = (struct membershare){ .all_day = 0 };
}

static void no_text_becomes_markup(void **)
{
    fail_subject(0, FAILURE_KE_ERROR, HOSTILE);
    pool.source.settings.publish = PUBLISH_OPERATOR;
    (void)snprintf(track.view.member.operator_name, MEMBER_OPERATOR_ROOM, "%s", HOSTILE);
    track.events[0] = (struct history_event){ .at = NOW - 60, .who = "<i>", .text = HOSTILE };
    track.event_count = 1;
    const char *text = page();
    LACKS(text, "</script>");
    LACKS(text, "<b>");
    LACKS(text, "<i>");
    LACKS(text, "\x1b");
    LACKS(text, "\xff");
    SHOWS(text, "&lt;/script&gt;");
}

static void what_is_not_public_is_not_shown(void **)
{
    struct member *member = &track.view.member;
    (void)snprintf(member->operator_name, MEMBER_OPERATOR_ROOM, "Secret Ltd");
    (void)snprintf(member->contact, sizeof(member->contact), "root@secret.example");
    (void)snprintf(member->accounturi, sizeof(member->accounturi), "https://acme.example/7");
    member->capacity_mbit = 424242;
    const char *text = page();
    LACKS(text, "Secret Ltd");
    LACKS(text, "root@");
    LACKS(text, "acme.example");
    LACKS(text, "424242");
    pool.source.settings.publish = PUBLISH_OPERATOR | PUBLISH_CAPACITY;
    SHOWS(page(), "Secret Ltd");
    SHOWS(page(), "424242 Mbit/s");
}

static void of_an_unlisted_member_only_the_state_is_shown(void **)
{
    fail_subject(0, FAILURE_KE_ERROR, "bad request");
    track.view.member.unlisted = true;
    const char *text = page();
    SHOWS(text, "<strong>In the pool since ");
    LACKS(text, "192.0.2.1");
    LACKS(text, "delft");
    LACKS(text, ".json");
    LACKS(text, ".atom");
}

static void country_and_operator_lead_to_their_lists(void **)
{
    (void)snprintf(track.view.member.country, sizeof(track.view.member.country), "NL");
    (void)snprintf(track.view.member.operator_name, MEMBER_OPERATOR_ROOM, "Time Ltd");
    pool.source.settings.publish = PUBLISH_OPERATOR;
    SHOWS(page(), "<a href=\"../countries/nl.html\">Netherlands</a>");
    SHOWS(page(), "<a href=\"../operators/time-ltd.html\">Time Ltd</a>");
}

static void a_removed_member_keeps_a_page(void **)
{
    struct tombstone tombstone = { .removed_at = NOW - 86400, .quarantined_until = NOW + 86400 };
    markup_clear(&m);
    memberpage_write_removed(&m, &pool, "alice", &tombstone);
    SHOWS(m.text, "<h1>alice</h1>");
    SHOWS(m.text, "<strong>Removed from the pool at <time");
    SHOWS(m.text, "Nobody else gets the name before <time");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_track, end_track)
    const struct CMUnitTest tests[] = {
        TEST(a_member_in_the_pool_is_said_to_be),
        TEST(a_member_that_is_out_is_told_why_and_what_to_do),
        TEST(a_member_that_is_held_is_said_to_be),
        TEST(a_member_that_falls_is_said_to),
        TEST(a_new_member_is_told_when_it_may_come_in),
        TEST(a_new_member_is_told_what_it_waits_for),
        TEST(the_word_of_the_operator_has_no_beginning),
        TEST(each_address_and_vantage_point_has_a_row),
        TEST(a_member_that_nobody_has_probed_has_a_whole_page),
        TEST(failures_in_a_row_are_one_line),
        TEST(only_the_last_failures_are_listed),
        TEST(warnings_come_with_their_advice),
        TEST(shares_are_shown_as_far_as_they_are_known),
        TEST(answers_of_sixty_days_are_a_chart),
        TEST(countries_are_shown_if_steering_is_known),
        TEST(no_text_becomes_markup),
        TEST(what_is_not_public_is_not_shown),
        TEST(of_an_unlisted_member_only_the_state_is_shown),
        TEST(country_and_operator_lead_to_their_lists),
        TEST(a_removed_member_keeps_a_page),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    markup_done(&m);
    return failed;
}
