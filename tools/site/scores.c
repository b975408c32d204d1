#include "tools/site/scores.h"

#include <math.h>
#include <stdlib.h>

#include "probe/score.h"
#include "tools/output.h"
#include "zone/base/array.h"

enum {
    MEDIAN_ID = 1,
    ID_MASK = 0x3fffffff,
    STRATUM = 1 /* which one does not count */
};

#define MEDIAN_NAME "recentmedian"

/* An entry of the history. */
struct entry {
    uint64_t at;
    const char *monitor; /* NULL: the median */
    int32_t step_milli, score_milli;
    double offset_ms, rtt_ms; /* NAN: none */
    enum failure failure;
};

struct entries {
    struct entry *list;
    size_t count, room;
};

/* A number for a name that does not change when others come and go (FNV-1a). */
static uint32_t id_of(const char *monitor)
{
    uint32_t sum = 0x811c9dc5;
    for (const char *p = monitor; p != NULL && *p != 0; p++) {
        sum = (sum ^ (unsigned char)*p) * 0x01000193;
    }
    return monitor == NULL ? MEDIAN_ID : (sum & ID_MASK) + MEDIAN_ID + 1;
}

static const char *name_of(const char *monitor)
{
    return monitor == NULL ? MEDIAN_NAME : monitor;
}

/* What the entry's probe added to the score, by the rule of the pool. */
static int32_t step_of(enum failure failure, double offset_ms)
{
    uint64_t error_us = isfinite(offset_ms) ? (uint64_t)(fabs(offset_ms) * 1000) : 0;
    return score_step_of(failure, error_us, STRATUM, false).step_milli;
}

/* The vantage point whose score is the median's at the end of the quarter; NULL if it has none. */
static const struct track_subject *median_subject(const struct membertrack *track, unsigned address,
                                                  size_t quarter)
{
    for (size_t i = 0; i < track->subject_count; i++) {
        const struct track_subject *subject = &track->subjects[i];
        const struct track_quarter *found = &subject->quarters[quarter];
        if (subject->address == address && subject->asked && found->probes > 0 &&
            found->score_milli == track->median_milli[address][quarter]) {
            return subject;
        }
    }
    return NULL;
}

static uint64_t newest_in(const struct membertrack *track, unsigned address, size_t quarter)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < track->subject_count; i++) {
        const struct track_subject *subject = &track->subjects[i];
        uint64_t at = subject->quarters[quarter].last_at;
        newest = subject->address == address && at > newest ? at : newest;
    }
    return newest;
}

static void add_medians(struct entries *entries, const struct membertrack *track, unsigned address)
{
    size_t first = entries->count;
    for (size_t i = HISTORY_QUARTERS; i-- > 0 && entries->count - first < SCORES_MEDIANS;) {
        double median = track->median_milli[address][i];
        uint64_t at = newest_in(track, address, i);
        const struct track_subject *subject = median_subject(track, address, i);
        if (!isfinite(median) || at == 0) {
            continue;
        }
        struct entry entry = {
            .at = at, .score_milli = (int32_t)median, .offset_ms = NAN, .rtt_ms = NAN
        };
        if (subject != NULL) {
            const struct track_quarter *quarter = &subject->quarters[i];
            entry.failure =
                quarter->failures > track_quarter_good(quarter) ? quarter->failure : FAILURE_NONE;
            entry.offset_ms = track_quarter_offset_ms(quarter);
            entry.rtt_ms = track_quarter_rtt_ms(quarter);
        }
        entry.step_milli = step_of(entry.failure, entry.offset_ms);
        ARRAY_PUSH(entries->list, entries->count, entries->room, entry);
    }
}

/* The last probe of the vantage point, and where its failures began. */
static void add_subject(struct entries *entries, const struct membertrack *track,
                        const struct track_subject *subject)
{
    const struct address_health *seen = membertrack_seen(track, subject);
    const char *monitor = membertrack_vantage(track, subject);
    size_t kept = subject->run_count < TRACK_RUNS ? subject->run_count : TRACK_RUNS;
    if (seen->probes > 0) {
        bool good = seen->failure == FAILURE_NONE;
        const struct entry entry = {
            .at = seen->last_probe_at,
            .monitor = monitor,
            .score_milli = seen->score_milli,
            .offset_ms = good ? (double)seen->offset_us / 1000 : (double)NAN,
            .rtt_ms = good ? seen->rtt_us / 1000.0 : (double)NAN,
            .failure = seen->failure,
            .step_milli = step_of(seen->failure, good ? (double)seen->offset_us / 1000 : 0),
        };
        ARRAY_PUSH(entries->list, entries->count, entries->room, entry);
    }
    for (size_t i = 0; i < kept; i++) {
        const struct track_run *run = &subject->runs[i];
        size_t quarter = (run->from - track->from) / HISTORY_QUARTER_S;
        const struct entry entry = { .at = run->from,
                                     .monitor = monitor,
                                     .score_milli = subject->quarters[quarter].score_low_milli,
                                     .offset_ms = NAN,
                                     .rtt_ms = NAN,
                                     .failure = run->failure,
                                     .step_milli = step_of(run->failure, NAN) };
        if (run->from != seen->last_probe_at) {
            ARRAY_PUSH(entries->list, entries->count, entries->room, entry);
        }
    }
}

/* The newest first; of those at one time, the median. */
static int in_order(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    if (left->at != right->at) {
        return left->at > right->at ? -1 : 1;
    }
    return (left->monitor != NULL) - (right->monitor != NULL);
}

static struct entries entries_of(const struct membertrack *track, unsigned address)
{
    struct entries entries = { .list = NULL };
    for (size_t i = 0; i < track->subject_count; i++) {
        if (track->subjects[i].address == address) {
            add_subject(&entries, track, &track->subjects[i]);
        }
    }
    if (entries.count > 0) {
        qsort(entries.list, entries.count, sizeof(entries.list[0]), in_order);
    }
    entries.count = entries.count > SCORES_FAILURES ? SCORES_FAILURES : entries.count;
    size_t first = entries.count;
    add_medians(&entries, track, address);
    /* the newest median speaks of all that is known, so it comes first */
    if (entries.count > first && first > 0 && entries.list[first].at < entries.list[0].at) {
        entries.list[first].at = entries.list[0].at;
    }
    if (entries.count > 0) {
        qsort(entries.list, entries.count, sizeof(entries.list[0]), in_order);
    }
    return entries;
}

static void put_entry(struct markup *m, const struct entry *entry)
{
    markup_put(m, "{\"ts\":%llu,", (unsigned long long)entry->at);
    if (isfinite(entry->offset_ms)) {
        markup_raw(m, "\"offset\":");
        markup_fixed(m, entry->offset_ms / 1000, 6);
        markup_raw(m, ",");
    }
    markup_raw(m, "\"step\":");
    markup_fixed(m, entry->step_milli / 1000.0, 3);
    markup_raw(m, ",\"score\":");
    markup_fixed(m, entry->score_milli / 1000.0, 3);
    markup_put(m, ",\"monitor_id\":%u", (unsigned)id_of(entry->monitor));
    if (isfinite(entry->rtt_ms)) {
        markup_raw(m, ",\"rtt\":");
        markup_fixed(m, entry->rtt_ms, 2);
    }
    markup_raw(m, "}");
}

static json_t *monitor_json(const char *monitor, uint64_t at, double score, bool active, double rtt)
{
    json_t *out = json_pack("{s:I, s:s, s:s, s:o, s:f, s:s}", "id", (json_int_t)id_of(monitor),
                            "name", name_of(monitor), "type", monitor == NULL ? "score" : "monitor",
                            "ts", json_time(at), "score", round(score * 10) / 10, "status",
                            active ? "active" : "testing");
    if (isfinite(rtt)) {
        json_object_set_new(out, "avg_rtt", json_real(rtt));
    }
    return out;
}

static double mean_rtt_ms(const struct track_subject *subject)
{
    double sum = 0;
    uint32_t good = 0;
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        sum += (double)subject->quarters[i].rtt_sum_us;
        good += track_quarter_good(&subject->quarters[i]);
    }
    return good > 0 ? sum / good / 1000 : (double)NAN;
}

static json_t *monitors_json(const struct membertrack *track, unsigned address,
                             const struct entries *entries)
{
    json_t *list = json_array();
    if (entries->count > 0 && entries->list[0].monitor == NULL) {
        const struct entry *median = &entries->list[0];
        json_array_append_new(
            list, monitor_json(NULL, median->at, median->score_milli / 1000.0, true, (double)NAN));
    }
    for (size_t i = 0; i < track->subject_count; i++) {
        const struct track_subject *subject = &track->subjects[i];
        const struct address_health *seen = membertrack_seen(track, subject);
        if (subject->address == address && seen->probes > 0) {
            json_array_append_new(list,
                                  monitor_json(membertrack_vantage(track, subject),
                                               seen->last_probe_at, seen->score_milli / 1000.0,
                                               subject->asked, mean_rtt_ms(subject)));
        }
    }
    return list;
}

void scores_json(struct markup *m, const struct membertrack *track, unsigned address)
{
    struct entries entries = entries_of(track, address);
    char text[ADDRESS_TEXT_MAX];
    markup_raw(m, "{\"history\":[");
    for (size_t i = 0; i < entries.count; i++) {
        markup_raw(m, i > 0 ? "," : "");
        put_entry(m, &entries.list[i]);
    }
    markup_raw(m, "],\"monitors\":");
    markup_json(m, monitors_json(track, address, &entries));
    markup_put(m, ",\"server\":{\"ip\":\"%s\"}}\n", address_text(&track->addresses[address], text));
    free(entries.list);
}

void scores_log(struct markup *m, const struct membertrack *track, unsigned address)
{
    struct entries entries = entries_of(track, address);
    markup_raw(m, "ts_epoch,ts,offset,step,score,monitor_id,monitor_name,rtt,leap,error\n");
    for (size_t i = 0; i < entries.count; i++) {
        const struct entry *entry = &entries.list[i];
        char at[ISOTIME_ROOM];
        isotime_text(entry->at, at);
        markup_put(m, "%llu,%.10s %.8s,", (unsigned long long)entry->at, at, at + 11);
        if (isfinite(entry->offset_ms)) {
            markup_fixed(m, entry->offset_ms / 1000, 6);
        }
        markup_raw(m, ",");
        markup_fixed(m, entry->step_milli / 1000.0, 3);
        markup_raw(m, ",");
        markup_fixed(m, entry->score_milli / 1000.0, 3);
        markup_put(m, ",%u,%s,", (unsigned)id_of(entry->monitor), name_of(entry->monitor));
        if (isfinite(entry->rtt_ms)) {
            markup_fixed(m, entry->rtt_ms, 2);
        }
        markup_put(m, ",,%s\n", entry->failure == FAILURE_NONE ? "" : failure_id(entry->failure));
    }
    free(entries.list);
}

void scores_page(struct markup *m, const struct sitepool *pool, const struct membertrack *track,
                 unsigned address)
{
    const struct memberview *view = &track->view;
    const struct address_health *seen =
        health_address(&view->consensus.health, &track->addresses[address]);
    char text[ADDRESS_TEXT_MAX];
    const struct page_head head = { .title = address_text(&track->addresses[address], text),
                                    .root = "../../",
                                    .description = "The score of an address of the pool" };
    page_begin(m, pool, &head);
    markup_put(m, "<p>An address of the member <a href=\"../../members/%s.html\">%s</a>, which is ",
               view->member.label, view->member.label);
    page_state(m, view->standing.state, view->standing.eligible);
    markup_raw(m, ". Its score is ");
    page_score(m, seen != NULL && seen->probes > 0, seen != NULL ? seen->score_milli : 0);
    markup_raw(m, " of 20. The same as in ntppool.org: <a href=\"json\">JSON</a>, "
                  "<a href=\"log\">CSV</a>.</p>\n");
    page_end(m, pool);
}
