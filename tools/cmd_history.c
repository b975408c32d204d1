/* history: shows a member's scores and answers over time, or what the pool was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/poolhistoryshow.h"
#include "tools/session.h"
#include "zone/steering/traffic.h"
#include "zone/verdicts/history.h"

enum {
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
    RAW_S = 2 * DAY_S,
    LINE_HOURS = RAW_S / HOUR_S, /* columns of the first sparkline */
    LINE_DAYS = 60,
    DAYS_SHOWN_MAX = HISTORY_DAYS,
    POOL_DAYS = 14 /* of the pool, unless --since says otherwise */
};

/* Sums over an hour or a day. */
struct sum {
    uint64_t probes, failures;
    int64_t score_milli; /* sum of mean score times probes */
};

struct history_report {
    uint64_t now;
    struct sum hours[LINE_HOURS]; /* of the last two days, from raw samples */
    struct sum days[DAYS_SHOWN_MAX];
    json_t *samples, *summaries; /* NULL: print text */
};

static void add(struct sum *sum, uint64_t probes, uint64_t failures, int64_t score_milli)
{
    sum->probes += probes;
    sum->failures += failures;
    sum->score_milli += score_milli * (int64_t)probes;
}

static void take_sample(const struct history_sample *sample, void *arg)
{
    struct history_report *report = arg;
    bool failed = sample->failure != FAILURE_NONE;
    uint64_t back = report->now / HOUR_S - sample->at / HOUR_S;
    if (back < LINE_HOURS) {
        add(&report->hours[LINE_HOURS - 1 - back], 1, failed, sample->score_milli);
    }
    if (report->samples == NULL) {
        return;
    }
    json_array_append_new(
        report->samples,
        json_pack("{s:o, s:o, s:f, s:o, s:o}", "at", json_time(sample->at), "failure",
                  json_text(failure_id(sample->failure)), "score", sample->score_milli / 1000.0,
                  "offset_ms", failed ? json_null() : json_real(sample->offset_us / 1000.0),
                  "rtt_ms", failed ? json_null() : json_real(sample->rtt_us / 1000.0)));
}

static void take_hour(const struct history_hour *hour, void *arg)
{
    struct history_report *report = arg;
    uint64_t back = report->now / DAY_S - hour->at / DAY_S;
    if (back < DAYS_SHOWN_MAX) {
        add(&report->days[DAYS_SHOWN_MAX - 1 - back], hour->probes, hour->failures,
            hour->score_mean_milli);
    }
    if (report->summaries == NULL) {
        return;
    }
    bool good = hour->probes > hour->failures;
    json_array_append_new(
        report->summaries,
        json_pack("{s:o, s:I, s:I, s:I, s:o, s:f, s:f, s:o, s:o}", "at", json_time(hour->at),
                  "span_s", (json_int_t)hour->span_s, "probes", (json_int_t)hour->probes,
                  "failures", (json_int_t)hour->failures, "last_failure",
                  hour->failures > 0 ? json_text(failure_id(hour->failure)) : json_null(),
                  "score_low", hour->score_low_milli / 1000.0, "score_mean",
                  hour->score_mean_milli / 1000.0, "offset_ms",
                  good ? json_real(hour->offset_mean_us / 1000.0) : json_null(), "rtt_ms",
                  good ? json_real(hour->rtt_mean_us / 1000.0) : json_null()));
}

static json_t *days_json(const struct history_report *report)
{
    json_t *list = json_array();
    uint64_t first = report->now / DAY_S - (DAYS_SHOWN_MAX - 1);
    for (unsigned i = 0; i < DAYS_SHOWN_MAX; i++) {
        const struct sum *day = &report->days[i];
        if (day->probes > 0) {
            double score = (double)day->score_milli / (double)day->probes / 1000.0;
            json_array_append_new(list, json_pack("{s:o, s:I, s:I, s:f}", "at",
                                                  json_time((first + i) * DAY_S), "probes",
                                                  (json_int_t)day->probes, "failures",
                                                  (json_int_t)day->failures, "score_mean", score));
        }
    }
    return list;
}

/* Prints one column of a sparkline, in eighths. */
static void print_bar(int64_t height)
{
    static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    (void)fputs(bars[height < 0 ? 0 : height > 7 ? 7 : height], stdout);
}

/* Prints a sparkline with one column a sum: the mean score from 0 to 20, a blank without probes. */
static void print_line(const char *name, const struct sum *sums, unsigned count)
{
    printf("  %-12s ", name);
    for (unsigned i = 0; i < count; i++) {
        if (sums[i].probes == 0) {
            (void)fputs(" ", stdout);
            continue;
        }
        int64_t score = sums[i].score_milli / (int64_t)sums[i].probes;
        print_bar(score * 8 / HEALTH_SCORE_MAX);
    }
    puts("");
}

static void print_share(const char *name, const struct sum *sums, unsigned count)
{
    struct sum all = { 0 };
    for (unsigned i = 0; i < count; i++) {
        all.probes += sums[i].probes;
        all.failures += sums[i].failures;
        all.score_milli += sums[i].score_milli;
    }
    if (all.probes == 0) {
        printf("  %-12s -\n", name);
        return;
    }
    printf("  %-12s %.2f %% of %llu probes good, mean score %.1f\n", name,
           100.0 * (double)(all.probes - all.failures) / (double)all.probes,
           (unsigned long long)all.probes, (double)all.score_milli / (double)all.probes / 1000.0);
}

static void print_report(const struct history_report *report, const struct history_subject *subject)
{
    char address[ADDRESS_TEXT_MAX];
    printf("%s, seen from %s\n", address_text(&subject->address, address), subject->vantage);
    print_line("2 days", report->hours, LINE_HOURS);
    print_line("60 days", report->days + DAYS_SHOWN_MAX - LINE_DAYS, LINE_DAYS);
    print_share("2 days", report->hours, LINE_HOURS);
    print_share("30 days", report->days + DAYS_SHOWN_MAX - 30, 30);
    print_share("2 years", report->days, DAYS_SHOWN_MAX);
}

struct history_view {
    struct store_txn *history;
    uint64_t since;
    uint64_t answers[TRAFFIC_DAYS]; /* of the member; today first */
    json_t *list;                   /* NULL: print */
    unsigned shown;
};

static enum result show_subject(struct history_view *view, const struct history_subject *subject)
{
    struct history_report *report = xcalloc(1, sizeof *report);
    char address[ADDRESS_TEXT_MAX];
    report->now = session_now();
    if (view->list != NULL) {
        report->samples = json_array();
        report->summaries = json_array();
    }
    uint64_t raw_since = report->now - RAW_S;
    raw_since = raw_since < view->since ? view->since : raw_since;
    enum result result =
        history_samples(view->history, subject, raw_since, report->now, take_sample, report);
    if (result == RESULT_OK) {
        result = history_hours(view->history, subject, view->since, report->now, take_hour, report);
    }
    if (result == RESULT_OK && view->list != NULL) {
        json_t *row = json_object();
        json_object_set_new(row, "address", json_text(address_text(&subject->address, address)));
        json_object_set_new(row, "vantage", json_text(subject->vantage));
        json_object_set(row, "samples", report->samples);
        json_object_set(row, "hours", report->summaries);
        json_object_set_new(row, "days", days_json(report));
        json_array_append_new(view->list, row);
    } else if (result == RESULT_OK) {
        (void)fputs(view->shown > 0 ? "\n" : "", stdout);
        print_report(report, subject);
    }
    view->shown++;
    json_decref(report->samples);
    json_decref(report->summaries);
    free(report);
    return result;
}

static enum result show_row(struct history_view *view, const struct member_health *row,
                            uint64_t member_id)
{
    for (unsigned i = 0; i < row->address_count; i++) {
        struct history_subject subject = { .member_id = member_id,
                                           .address = row->addresses[i].address };
        memcpy(subject.vantage, row->vantage, sizeof subject.vantage);
        TRY(show_subject(view, &subject));
    }
    return RESULT_OK;
}

/* Shows the history of each address at each vantage point. */
static enum result show_all(struct history_view *view, struct store_txn *health, uint64_t member_id)
{
    struct vantages vantages;
    TRY(vantages_read(&vantages, health, 0, session_now()));
    for (unsigned i = 0; i < vantages.count; i++) {
        struct member_health row;
        enum result result = health_get(health, member_id, vantages.list[i].name, &row);
        if (result == RESULT_NOT_FOUND) {
            continue;
        }
        TRY(result);
        TRY(show_row(view, &row, member_id));
    }
    return RESULT_OK;
}

static enum result read_answers(struct history_view *view, struct session *session, struct cli *cli,
                                uint64_t member_id)
{
    struct traffic traffic = { .cells = NULL };
    TRY(session_read(session, cli, STORE_TRAFFIC));
    TRY(traffic_load(&traffic, session->txn[STORE_TRAFFIC], &cli->diag));
    traffic_days(&traffic, member_id, session_now(), view->answers);
    traffic_done(&traffic);
    return RESULT_OK;
}

static json_t *answers_json(const struct history_view *view)
{
    json_t *list = json_array();
    uint64_t today = session_now() / DAY_S;
    for (unsigned back = TRAFFIC_DAYS; back-- > 0;) {
        uint64_t at = (today - back) * DAY_S;
        if (at + DAY_S > view->since) {
            json_array_append_new(list, json_pack("{s:o, s:I}", "at", json_time(at), "answers",
                                                  (json_int_t)view->answers[back]));
        }
    }
    return list;
}

/* How often the member was handed out, by day. */
static void print_answers(const struct history_view *view)
{
    uint64_t most = 0, sum = 0;
    for (unsigned back = 0; back < TRAFFIC_DAYS; back++) {
        most = view->answers[back] > most ? view->answers[back] : most;
        sum += view->answers[back];
    }
    if (sum == 0) {
        return;
    }
    printf("\nanswers that it was in\n  %-12s ", "60 days");
    for (unsigned back = TRAFFIC_DAYS; back-- > 0;) {
        print_bar((int64_t)((double)view->answers[back] * 8 / (double)most));
    }
    printf("\n  %llu today, %llu yesterday, %llu in 60 days\n",
           (unsigned long long)view->answers[0], (unsigned long long)view->answers[1],
           (unsigned long long)sum);
}

static enum result show(struct history_view *view, struct session *session, struct cli *cli,
                        const char *label)
{
    struct settings settings;
    struct member member;
    TRY(session_zone(session, cli, &settings));
    TRY(session_member(session, cli, label, &member));
    TRY(session_read(session, cli, STORE_HEALTH));
    TRY(session_read(session, cli, STORE_HISTORY));
    TRY(read_answers(view, session, cli, member.id));
    view->history = session->txn[STORE_HISTORY];
    return show_all(view, session->txn[STORE_HEALTH], member.id);
}

static enum result show_member(struct cli *cli, const char *name, uint64_t since)
{
    struct session session = { 0 };
    char label[LABEL_ROOM];
    struct history_view view = { .since = since };
    TRY(label_check(label, name, &cli->diag));
    view.list = cli->json ? json_array() : NULL;
    enum result result = show(&view, &session, cli, label);
    session_done(&session);
    if (result != RESULT_OK) {
        json_decref(view.list);
        return result;
    }
    if (cli->json) {
        json_print(json_pack("{s:s, s:o, s:o}", "name", label, "history", view.list, "answers",
                             answers_json(&view)));
        return RESULT_OK;
    }
    if (view.shown == 0) {
        printf("%s was not probed yet.\n", label);
    }
    print_answers(&view);
    return RESULT_OK;
}

int cmd_history(struct cli *cli, int argc, char **argv)
{
    uint64_t now = session_now(), since = argc > 0 ? 0 : now - (uint64_t)POOL_DAYS * DAY_S;
    enum result result = cli_time(cli, "since", now, CLI_PAST, &since);
    if (result == RESULT_OK) {
        result = argc > 0 ? show_member(cli, argv[0], since) : poolhistoryshow(cli, since);
    }
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
