#include "tools/site/memberfiles.h"

#include <math.h>
#include <stdio.h>

#include "tools/output.h"
#include "tools/site/memberword.h"

enum {
    ATOM_EVENTS = 20,
    DAY_S = 86400
};

/* -- JSON -- */

static json_t *real_or_null(bool known, double value)
{
    return known && isfinite(value) ? json_real(value) : json_null();
}

static json_t *warnings_json(unsigned warnings)
{
    json_t *list = json_array();
    for (unsigned bit = 1; bit <= warnings; bit <<= 1) {
        if ((warnings & bit) != 0) {
            json_array_append_new(list, json_text(warning_text((enum warning)bit)));
        }
    }
    return list;
}

static json_t *probe_json(const struct membertrack *track, const struct track_subject *subject)
{
    const struct address_health *seen = membertrack_seen(track, subject);
    bool timed = seen->operational_at != 0;
    return json_pack(
        "{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "vantage",
        membertrack_vantage(track, subject), "counts", (int)subject->asked, "score",
        real_or_null(seen->probes > 0, seen->score_milli / 1000.0), "failure",
        json_text(failure_id(seen->failure)), "advice", json_text(failure_advice(seen->failure)),
        "source", json_text_or_null(failure_source(seen->failure)), "detail",
        json_text_or_null(seen->detail), "offset_ms",
        real_or_null(timed, (double)seen->offset_us / 1000), "rtt_ms",
        real_or_null(timed, seen->rtt_us / 1000.0), "last_probe_at", json_time(seen->last_probe_at),
        "last_good_at", json_time(seen->last_good_at), "warnings", warnings_json(seen->warnings));
}

static json_t *addresses_json(const struct membertrack *track)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < track->address_count; i++) {
        const struct address_health *median =
            health_address(&track->view.consensus.health, &track->addresses[i]);
        char text[ADDRESS_TEXT_MAX];
        json_t *probes = json_array();
        for (size_t j = 0; j < track->subject_count; j++) {
            if (track->subjects[j].address == i) {
                json_array_append_new(probes, probe_json(track, &track->subjects[j]));
            }
        }
        bool probed = median != NULL && median->probes > 0;
        json_array_append_new(
            list, json_pack("{s:o, s:b, s:o, s:o}", "address",
                            json_text(address_text(&track->addresses[i], text)), "left_out",
                            (int)(track->view.standing.left_out >> i & 1), "score",
                            real_or_null(probed, probed ? median->score_milli / 1000.0 : 0),
                            "probes", probes));
    }
    return list;
}

static json_t *brief_json(const struct memberview *view, const struct sitepool *pool)
{
    struct dname name;
    char text[DNAME_TEXT_MAX];
    member_target(&name, &view->member, &pool->source.settings.apex);
    bool held = memberword_of(view) == MEMBERWORD_HELD;
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:o}", "name", json_text(view->member.label),
                     "fqdn", json_text(dname_text(&name, text)), "state",
                     json_text(view->standing.state), "reason", json_text(view->standing.reason),
                     "eligible", (int)view->standing.eligible, "held",
                     held ? json_text(hold_text(view->consensus.hold)) : json_null());
}

static json_t *member_json(const struct membertrack *track, const struct sitepool *pool)
{
    const struct member *member = &track->view.member;
    json_t *out = brief_json(&track->view, pool);
    uint32_t publish = pool->source.settings.publish;
    int32_t score = 0;
    bool scored = memberview_score(&track->view, &score);
    if (member->unlisted) {
        return out;
    }
    json_t *rest = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "score", real_or_null(scored, score / 1000.0),
        "state_since", json_time(track->view.consensus.health.stage_since), "country",
        json_text_or_null(member->country), "added_at", json_time(member->added_at), "leave_at",
        json_time(member->leave_at), "certificate_end",
        json_time(memberview_certificate_end(&track->view)), "addresses", addresses_json(track));
    json_object_update(out, rest);
    json_decref(rest);
    if ((publish & PUBLISH_OPERATOR) != 0) {
        json_object_set_new(out, "operator", json_text_or_null(member->operator_name));
    }
    if ((publish & PUBLISH_CAPACITY) != 0) {
        json_object_set_new(out, "capacity_mbit", json_integer(member->capacity_mbit));
    }
    return out;
}

static json_t *share_json(const struct membershare *share)
{
    if (share == NULL) {
        return json_null();
    }
    json_t *countries = json_array();
    for (size_t i = 0; i < share->country_count; i++) {
        json_array_append_new(countries, json_pack("{s:o, s:f}", "country",
                                                   json_text_or_null(share->countries[i].code),
                                                   "part", share->countries[i].part));
    }
    json_t *days = json_array();
    for (size_t i = 0; i < TRAFFIC_DAYS; i++) {
        json_array_append_new(days, json_integer((json_int_t)share->days[i]));
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "answers_hour",
                     (json_int_t)share->hour, "answers_day", (json_int_t)share->day,
                     "answers_hour_all", (json_int_t)share->all_hour, "answers_day_all",
                     (json_int_t)share->all_day, "fair",
                     real_or_null(share->handed_out, share->fair), "expected",
                     real_or_null(share->handed_out && share->steered, share->expected),
                     "countries", countries, "answers_of_days", days);
}

/* A value of a column; its first one has no comma before it. */
static void put_value(struct markup *m, size_t index, unsigned digits, double value)
{
    markup_raw(m, index > 0 ? "," : "");
    if (isfinite(value)) {
        markup_fixed(m, value, digits);
    } else {
        markup_raw(m, "null");
    }
}

static void put_series(struct markup *m, const struct membertrack *track,
                       const struct track_subject *subject)
{
    char text[ADDRESS_TEXT_MAX];
    markup_put(m, "{\"address\":\"%s\",\"vantage\":\"%s\",\"score\":[",
               address_text(&track->addresses[subject->address], text),
               membertrack_vantage(track, subject));
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        const struct track_quarter *quarter = &subject->quarters[i];
        put_value(m, i, 1, quarter->probes > 0 ? quarter->score_milli / 1000.0 : (double)NAN);
    }
    markup_raw(m, "],\"offset_ms\":[");
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        put_value(m, i, 3, track_quarter_offset_ms(&subject->quarters[i]));
    }
    markup_raw(m, "],\"rtt_ms\":[");
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        put_value(m, i, 1, track_quarter_rtt_ms(&subject->quarters[i]));
    }
    markup_raw(m, "],\"failed\":[");
    bool begun = false;
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        if (subject->quarters[i].failures > 0) {
            markup_put(m, begun ? ",[%zu,%u]" : "[%zu,%u]", i,
                       (unsigned)subject->quarters[i].failures);
            begun = true;
        }
    }
    markup_raw(m, "]}");
}

static void put_medians(struct markup *m, const struct membertrack *track, unsigned address)
{
    char text[ADDRESS_TEXT_MAX];
    markup_put(m, "{\"address\":\"%s\",\"score\":[",
               address_text(&track->addresses[address], text));
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        put_value(m, i, 1, track->median_milli[address][i] / 1000);
    }
    markup_raw(m, "]}");
}

void memberfiles_json(struct markup *m, const struct sitepool *pool,
                      const struct membertrack *track, const struct membershare *share)
{
    bool unlisted = track->view.member.unlisted;
    markup_raw(m, "{\"made_at\":");
    markup_json(m, json_time(track->now));
    markup_raw(m, ",\"member\":");
    markup_json(m, member_json(track, pool));
    if (unlisted) {
        markup_raw(m, "}\n");
        return;
    }
    markup_raw(m, ",\"share\":");
    markup_json(m, share_json(share));
    markup_raw(m, ",\"series\":{\"from\":");
    markup_json(m, json_time(track->from));
    markup_put(m, ",\"step_s\":%d,\"count\":%d,\"median\":[", HISTORY_QUARTER_S, HISTORY_QUARTERS);
    for (unsigned i = 0; i < track->address_count; i++) {
        markup_raw(m, i > 0 ? ",\n" : "\n");
        put_medians(m, track, i);
    }
    markup_raw(m, "],\"probes\":[");
    for (size_t i = 0; i < track->subject_count; i++) {
        markup_raw(m, i > 0 ? ",\n" : "\n");
        put_series(m, track, &track->subjects[i]);
    }
    markup_raw(m, "]}}\n");
}

/* -- CSV -- */

static void put_day(struct markup *m, const struct track_day *day, uint64_t at,
                    const struct address *address)
{
    char text[ADDRESS_TEXT_MAX], date[ISOTIME_ROOM];
    double probes = day->probes, good = probes - day->failures;
    markup_put(m, "%.10s,%s,%u,%u,", isotime_text(at, date), address_text(address, text),
               day->probes, day->failures);
    markup_fixed(m, (double)day->score_sum_milli / probes / 1000, 2);
    markup_raw(m, ",");
    markup_fixed(m, day->score_low_milli / 1000.0, 1);
    markup_raw(m, ",");
    if (good > 0) {
        markup_fixed(m, (double)day->offset_sum_us / good / 1000, 3);
        markup_raw(m, ",");
        markup_fixed(m, (double)day->rtt_sum_us / good / 1000, 3);
    } else {
        markup_raw(m, ",");
    }
    markup_raw(m, "\r\n");
}

void memberfiles_csv(struct markup *m, const struct membertrack *track,
                     const struct memberdays *days)
{
    markup_raw(m, "date,address,probes,failed,score_mean,score_low,offset_ms,rtt_ms\r\n");
    for (size_t i = 0; i < TRACK_DAYS; i++) {
        for (unsigned j = 0; j < track->address_count; j++) {
            if (days->days[j][i].probes > 0) {
                put_day(m, &days->days[j][i], (days->first + i) * DAY_S, &track->addresses[j]);
            }
        }
    }
}

/* -- Atom -- */

/* How many earlier events of the log have the time of this one: it makes its id unique. */
static size_t nth_of(const struct membertrack *track, size_t index)
{
    size_t nth = 0;
    for (size_t i = 0; i < index; i++) {
        nth += track->events[i].at == track->events[index].at;
    }
    return nth;
}

/* The id of an entry never changes (RFC 4287 4.2.6): a tag URI (RFC 4151) of its day and time. */
static void put_entry(struct markup *m, const struct sitepool *pool,
                      const struct membertrack *track, size_t index)
{
    const struct history_event *event = &track->events[index];
    const char *label = track->view.member.label;
    char at[ISOTIME_ROOM];
    isotime_text(event->at, at);
    markup_put(m, "<entry>\n<title>%s: %s</title>\n<id>tag:%s,%.10s:%s:%llu:%zu</id>\n", label,
               event->text, pool->apex, at, label, (unsigned long long)event->at,
               nth_of(track, index));
    markup_put(
        m,
        "<updated>%s</updated>\n<link rel=\"alternate\" type=\"text/html\" href=\"%s%s%s.html\"/>\n"
        "<content type=\"text\">%s, by %s</content>\n</entry>\n",
        at, pool->options.url, pool->options.url[0] != 0 ? "/members/" : "", label, event->text,
        event->who);
}

void memberfiles_atom(struct markup *m, const struct sitepool *pool,
                      const struct membertrack *track)
{
    const struct member *member = &track->view.member;
    const char *base = pool->options.url;
    size_t count = track->event_count;
    size_t first = count > ATOM_EVENTS ? count - ATOM_EVENTS : 0;
    char updated[ISOTIME_ROOM], added[ISOTIME_ROOM];
    isotime_text(member->added_at, added);
    isotime_text(count > 0 ? track->events[count - 1].at : member->added_at, updated);
    markup_raw(m, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                  "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\">\n");
    markup_put(m,
               "<title>%s.%s</title>\n<id>tag:%s,%.10s:%s</id>\n<updated>%s</updated>\n"
               "<author><name>%s</name></author>\n",
               member->label, pool->apex, pool->apex, added, member->label, updated, pool->apex);
    markup_put(m,
               "<link rel=\"self\" type=\"application/atom+xml\" href=\"%s%s%s.atom\"/>\n"
               "<link rel=\"alternate\" type=\"text/html\" href=\"%s%s%s.html\"/>\n",
               base, base[0] != 0 ? "/members/" : "", member->label, base,
               base[0] != 0 ? "/members/" : "", member->label);
    for (size_t i = count; i-- > first;) {
        put_entry(m, pool, track, i);
    }
    markup_raw(m, "</feed>\n");
}

/* -- badge -- */

void memberfiles_badge(struct markup *m, const struct memberview *view)
{
    static const struct {
        const char *text, *colour;
    } words[] = {
        [MEMBERWORD_IN] = { "in", "#116329" },
        [MEMBERWORD_HELD] = { "held", "#7d4e00" },
        [MEMBERWORD_NEW] = { "new", "#7d4e00" },
        [MEMBERWORD_OUT] = { "out", "#a40e26" },
    };
    enum memberword word = memberword_of(view);
    const char *text = words[word].text;
    markup_put(m,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"90\" height=\"20\" role=\"img\" "
               "aria-label=\"NTS pool: %s\"><title>%s: %s</title>"
               "<rect width=\"90\" height=\"20\" rx=\"3\" fill=\"#40474f\"/>"
               "<path d=\"M54 0h33a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H54z\" fill=\"%s\"/>"
               "<g fill=\"#fff\" font-family=\"DejaVu Sans,Verdana,sans-serif\" font-size=\"11\" "
               "text-anchor=\"middle\"><text x=\"27\" y=\"14\">NTS pool</text>"
               "<text x=\"72\" y=\"14\">%s</text></g></svg>\n",
               text, view->member.label, view->standing.state, words[word].colour, text);
}
