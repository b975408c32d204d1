#include "tools/site/memberpage.h"

#include <stdio.h>

#include "tools/site/atlas.h"
#include "tools/site/chart.h"
#include "tools/site/memberlist.h"
#include "tools/site/memberprobes.h"
#include "tools/site/memberword.h"

enum {
    DAY_S = 86400,
    DAYS_HEIGHT = 70,
    LOWER = 0x20 /* makes a capital letter of ASCII small */
};

static void put_source(struct markup *m, const char *source)
{
    if (source[0] != 0) {
        markup_put(m, " (%s)", source);
    }
}

/* -- the state, and what to do -- */

/* A failure that explains why the member is out or falls; NONE if there is none. */
static enum failure failure_of(const struct memberview *view)
{
    const struct member_health *health = &view->consensus.health;
    const struct address_health *best = health_best(health);
    if (best != NULL) {
        return best->failure;
    }
    for (unsigned i = 0; i < health->address_count; i++) {
        if (health->addresses[i].failure != FAILURE_NONE) {
            return health->addresses[i].failure;
        }
    }
    return FAILURE_NONE;
}

static void put_since(struct markup *m, const struct memberview *view)
{
    if (!memberword_is_decided(view) && memberword_of(view) != MEMBERWORD_NEW &&
        view->consensus.health.stage_since != 0) {
        markup_raw(m, " since ");
        page_time(m, view->consensus.health.stage_since);
    }
}

static const char *opening(const struct memberview *view)
{
    switch (memberword_of(view)) {
    case MEMBERWORD_HELD:
        return "Held in the pool";
    case MEMBERWORD_NEW:
        return "Not in the pool yet";
    case MEMBERWORD_OUT:
        return "Out of the pool";
    case MEMBERWORD_IN:
        break;
    }
    bool falls = view->consensus.health.stage == STAGE_FALLING && !memberword_is_decided(view);
    return falls ? "In the pool, but falling" : "In the pool";
}

static void put_failure(struct markup *m, const char *root, enum failure failure)
{
    page_failure(m, root, failure);
    markup_put(m, ". What to do: %s", failure_advice(failure));
    put_source(m, failure_source(failure));
}

/* When a new member has been probed for long enough to come in; 0: not known. */
static uint64_t history_end(const struct memberview *view, const struct settings *settings)
{
    const struct member_health *health = &view->consensus.health;
    uint64_t first = 0;
    for (unsigned i = 0; i < health->address_count; i++) {
        uint64_t at = health->addresses[i].first_probe_at;
        first = at != 0 && (first == 0 || at < first) ? at : first;
    }
    return first == 0 ? 0 : first + settings->min_history_s;
}

/* What a new member that has not failed waits for. */
static void put_wait(struct markup *m, const struct sitepool *pool, const struct memberview *view)
{
    int32_t score = 0, entry = pool->source.settings.entry_score_milli;
    if (!memberview_score(view, &score)) {
        markup_raw(m,
                   "<p>What to do: get a certificate for its name. <a href=\"../join.html\">Join "
                   "the pool</a> shows how.</p>\n");
    } else if (score < entry) {
        markup_raw(m, "<p>Nothing has to be done: its score rises with each good probe, and it can "
                      "come in at a score of ");
        page_score(m, true, entry);
        markup_raw(m, ".</p>\n");
    }
}

/* What is planned. */
static void put_plans(struct markup *m, const struct sitepool *pool, const struct memberview *view)
{
    uint64_t history = history_end(view, &pool->source.settings);
    if (memberword_of(view) == MEMBERWORD_NEW && failure_of(view) == FAILURE_NONE) {
        put_wait(m, pool, view);
    }
    if (memberword_of(view) == MEMBERWORD_NEW && history > pool->now) {
        markup_raw(m, "<p>A new member is watched first: it can come in at ");
        page_time(m, history);
        markup_raw(m, ".</p>\n");
    }
    if (view->member.leave_at != 0) {
        markup_raw(m, "<p>It leaves the pool at ");
        page_time(m, view->member.leave_at);
        markup_raw(m, ", as its operator wishes.</p>\n");
    }
}

static void put_verdict(struct markup *m, const char *root, const struct memberview *view)
{
    enum failure failure = failure_of(view);
    const char *reason = view->standing.reason;
    enum memberword word = memberword_of(view);
    markup_raw(m, "<p class=\"verdict\">");
    page_state(m, view->standing.state, view->standing.eligible);
    markup_put(m, " <strong>%s", opening(view));
    put_since(m, view);
    markup_raw(m, "</strong>: ");
    if (failure != FAILURE_NONE && reason == failure_advice(failure)) {
        put_failure(m, root, failure);
    } else {
        markup_put(m, "%s.", reason);
        if (failure != FAILURE_NONE && word != MEMBERWORD_IN) {
            markup_raw(m, " The last probe failed by ");
            put_failure(m, root, failure);
        }
    }
    markup_raw(m, "</p>\n");
}

static void put_fact(struct markup *m, const char *name, const char *value)
{
    if (value[0] != 0) {
        markup_put(m, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, value);
    }
}

/* A fact that leads to the list of those that have it in common. */
static void put_group(struct markup *m, const char *name, const char *path, const char *value)
{
    if (value[0] != 0) {
        markup_put(m, "<div><dt>%s</dt><dd><a href=\"../%s.html\">%s</a></dd></div>\n", name, path,
                   value);
    }
}

static void put_country(struct markup *m, const char *code)
{
    char path[] = "countries/xx";
    if (code[0] != 0) {
        (void)snprintf(path, sizeof(path), "countries/%c%c", code[0] | LOWER, code[1] | LOWER);
        put_group(m, "Country", path, atlas_name(code));
    }
}

static void put_operator(struct markup *m, const char *name)
{
    char slug[MEMBERLIST_SLUG_ROOM], path[MEMBERLIST_SLUG_ROOM + 16];
    (void)snprintf(path, sizeof(path), "operators/%s", memberlist_slug(slug, name));
    put_group(m, "Operator", path, name);
}

static void put_facts(struct markup *m, const struct sitepool *pool, const struct memberview *view)
{
    const struct member *member = &view->member;
    int32_t score = 0;
    bool scored = memberview_score(view, &score);
    uint32_t published = pool->source.settings.publish;
    struct dname name;
    char text[DNAME_TEXT_MAX];
    member_target(&name, member, &pool->source.settings.apex);
    dname_text(&name, text);
    text[strlen(text) - 1] = 0; /* the last dot */
    markup_raw(m, "<dl class=\"facts\">\n");
    put_fact(m, "Name", text);
    markup_raw(m, "<div><dt>Score</dt><dd>");
    page_score(m, scored, score);
    markup_raw(m, scored ? " of 20</dd></div>\n" : "</dd></div>\n");
    put_country(m, member->country);
    if ((published & PUBLISH_OPERATOR) != 0) {
        put_operator(m, member->operator_name);
    }
    if ((published & PUBLISH_CAPACITY) != 0) {
        markup_put(m, "<div><dt>Capacity</dt><dd>%u Mbit/s</dd></div>\n", member->capacity_mbit);
    }
    markup_raw(m, "<div><dt>Member since</dt><dd>");
    page_time(m, member->added_at);
    markup_raw(m, "</dd></div>\n</dl>\n");
}

/* -- its part of the answers -- */

static void put_percent(struct markup *m, bool known, double part)
{
    if (known) {
        markup_put(m, "%.3f %%", 100 * part);
    } else {
        markup_raw(m, "-");
    }
}

static void put_share_row(struct markup *m, const struct membershare *share, const char *span,
                          uint64_t own, uint64_t all)
{
    bool counted = all > 0;
    double part = counted ? (double)own / (double)all : 0;
    markup_put(m, "<tr><th scope=\"row\">%s</th><td class=\"number\">", span);
    page_count(m, own);
    markup_raw(m, "</td><td class=\"number\">");
    put_percent(m, counted, part);
    markup_raw(m, "</td><td class=\"number\">");
    put_percent(m, share->handed_out, share->fair);
    markup_raw(m, "</td><td class=\"number\">");
    put_percent(m, share->handed_out && share->steered, share->expected);
    markup_raw(m, "</td><td class=\"number\">");
    if (counted && share->handed_out && share->fair > 0) {
        markup_put(m, "%.2f", part / share->fair);
    } else {
        markup_raw(m, "-");
    }
    markup_raw(m, "</td></tr>\n");
}

/* Answers of each day but today, which is not over. */
static void put_days(struct markup *m, const struct membershare *share, uint64_t now)
{
    struct chart_point points[TRAFFIC_DAYS];
    struct chart_line line = { .style = 1, .points = points };
    uint64_t today = now / DAY_S;
    for (size_t i = TRAFFIC_DAYS; i-- > 1 && i <= today;) {
        if (line.point_count > 0 || share->days[i] > 0) { /* from its first day on */
            points[line.point_count++] =
                (struct chart_point){ (today - i) * DAY_S + DAY_S / 2, (double)share->days[i] };
        }
    }
    struct chart chart = { .id = "answers",
                           .title = "Answers of each day",
                           .desc =
                               "How often it was handed out on each of the last sixty days. The "
                               "JSON file has the figures.",
                           .from = (today - TRAFFIC_DAYS) * DAY_S,
                           .until = today * DAY_S,
                           .gap_s = (uint64_t)2 * DAY_S,
                           .unit = "answers a day",
                           .height = DAYS_HEIGHT,
                           .lines = &line,
                           .line_count = 1 };
    if (line.point_count > 1 && today > TRAFFIC_DAYS) {
        chart_fit(&chart, 10, false);
        markup_raw(m, "<div class=\"charts\">\n<figure>\n");
        chart_write(m, &chart);
        markup_raw(m, "</figure>\n</div>\n");
    }
}

static void put_share(struct markup *m, const struct membershare *share, uint64_t now)
{
    markup_raw(m, "<h2>Share of the answers</h2>\n");
    page_table(m, "Share of the answers",
               "How often it was handed out, beside its part of the capacity (fair) and what "
               "steering expects");
    markup_raw(m, "<thead><tr><th scope=\"col\">Last</th>"
                  "<th scope=\"col\" class=\"number\">Answers</th>"
                  "<th scope=\"col\" class=\"number\">Of all</th>"
                  "<th scope=\"col\" class=\"number\">Fair</th>"
                  "<th scope=\"col\" class=\"number\">Expected</th>"
                  "<th scope=\"col\" class=\"number\">To fair</th></tr></thead>\n<tbody>\n");
    put_share_row(m, share, "hour", share->hour, share->all_hour);
    put_share_row(m, share, "day", share->day, share->all_day);
    markup_raw(m, "</tbody>\n");
    page_table_end(m);
    put_days(m, share, now);
    if (share->country_count == 0) {
        return;
    }
    markup_raw(m, "<table>\n<caption>Countries whose clients get it most, as steering "
                  "expects</caption>\n<thead><tr><th scope=\"col\">Country</th>"
                  "<th scope=\"col\" class=\"number\">Of its answers</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < share->country_count; i++) {
        const struct membershare_country *country = &share->countries[i];
        markup_put(m, "<tr><th scope=\"row\">%s</th><td class=\"number\">%.1f %%</td></tr>\n",
                   atlas_name(country->code), 100 * country->part);
    }
    markup_raw(m, "</tbody>\n</table>\n");
}

/* -- the log, and data -- */

static void put_log(struct markup *m, const struct membertrack *track)
{
    if (track->event_count == 0) {
        return;
    }
    markup_raw(m, "<h2>Log</h2>\n");
    page_table(m, "Log", "The newest event first; at most 100 are kept");
    markup_raw(m, "<thead><tr><th scope=\"col\">Time</th><th scope=\"col\">By</th>"
                  "<th scope=\"col\">Event</th></tr></thead>\n<tbody>\n");
    for (size_t i = track->event_count; i-- > 0;) {
        const struct history_event *event = &track->events[i];
        markup_raw(m, "<tr><td>");
        page_time(m, event->at);
        markup_put(m, "</td><td>%s</td><td class=\"words\">%s</td></tr>\n", event->who,
                   event->text);
    }
    markup_raw(m, "</tbody>\n");
    page_table_end(m);
}

static void put_data(struct markup *m, const struct membertrack *track)
{
    const char *label = track->view.member.label;
    markup_put(
        m,
        "<h2>Data</h2>\n<ul>\n<li><a href=\"%s.json\">This page and two days as JSON</a></li>\n"
        "<li><a href=\"%s.days.csv\">A year of days as CSV</a></li>\n"
        "<li><a href=\"%s.atom\">Events as an Atom feed</a></li>\n"
        "<li><a href=\"%s.svg\">Badge</a></li>\n",
        label, label, label, label);
    for (unsigned i = 0; i < track->address_count; i++) {
        char text[ADDRESS_TEXT_MAX];
        address_text(&track->addresses[i], text);
        markup_put(m,
                   "<li>%s as in ntppool.org: <a href=\"../scores/%s/json\">JSON</a>, "
                   "<a href=\"../scores/%s/log\">CSV</a></li>\n",
                   text, text, text);
    }
    markup_raw(m, "</ul>\n");
}

static void begin(struct markup *m, const struct sitepool *pool, const struct memberview *view,
                  bool listed)
{
    char description[LABEL_ROOM + DNAME_TEXT_MAX + 256], feed[LABEL_ROOM + 8];
    (void)snprintf(description, sizeof(description), "%s.%s: %s, %s", view->member.label,
                   pool->apex, view->standing.state, view->standing.reason);
    (void)snprintf(feed, sizeof(feed), "%s.atom", view->member.label);
    const struct page_head head = { .title = view->member.label,
                                    .root = "../",
                                    .here = "members.html",
                                    .description = description,
                                    .feed = listed ? feed : NULL };
    page_begin(m, pool, &head);
    put_verdict(m, "../", view);
}

void memberpage_write(struct markup *m, const struct sitepool *pool,
                      const struct membertrack *track, const struct membershare *share)
{
    const struct memberview *view = &track->view;
    begin(m, pool, view, !view->member.unlisted);
    if (!view->member.unlisted) {
        put_plans(m, pool, view);
        put_facts(m, pool, view);
        memberprobes_now(m, pool, track);
        memberprobes_days(m, pool, track);
        memberprobes_certificate(m, track);
        memberprobes_warnings(m, track);
        if (share != NULL) {
            put_share(m, share, pool->now);
        }
        memberprobes_failures(m, track);
        put_log(m, track);
        put_data(m, track);
    }
    page_end(m, pool);
}

void memberpage_write_removed(struct markup *m, const struct sitepool *pool, const char *label,
                              const struct tombstone *tombstone)
{
    const struct page_head head = { .title = label,
                                    .root = "../",
                                    .here = "members.html",
                                    .description = "A member that was removed from the pool" };
    page_begin(m, pool, &head);
    markup_raw(m, "<p class=\"verdict\"><strong>Removed from the pool at ");
    page_time(m, tombstone->removed_at);
    markup_raw(m, "</strong>. Its name is gone from the DNS.</p>\n");
    if (tombstone->quarantined_until > pool->now) {
        markup_raw(m, "<p>Nobody else gets the name before ");
        page_time(m, tombstone->quarantined_until);
        markup_raw(m, ", when a certificate for it may still be valid.</p>\n");
    }
    page_end(m, pool);
}
