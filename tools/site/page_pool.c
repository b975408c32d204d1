#include "tools/site/page_pool.h"

#include <stdio.h>
#include <string.h>

#include "tools/output.h"
#include "tools/site/page.h"

enum {
    ATTENTION_MAX = 30, /* members listed */
    CAPTION_ROOM = 120,
    HOUR_S = 3600,
    DAY_H = 24
};

/* Out, or about to be, though it was in: by what the probes say and not by an operator's word. New
 * members are on their way, and that is well. */
static bool needs_attention(const struct sitepool_member *member)
{
    return !member->unlisted &&
           ((member->eligible && member->hold != HOLD_NONE) ||
            strcmp(member->state, "ineligible") == 0 || strcmp(member->state, "falling") == 0);
}

static void put_figure(struct markup *m, const char *what, uint64_t value)
{
    markup_put(m, "<div><dt>%s</dt><dd>", what);
    page_count(m, value);
    markup_raw(m, "</dd></div>\n");
}

static size_t vantages_asked(const struct sitepool *pool)
{
    size_t asked = 0;
    for (unsigned i = 0; i < pool->source.vantages.count; i++) {
        asked += pool->source.vantages.asked[i];
    }
    return asked;
}

/* Queries of the last whole hour. False if it was not counted. */
static bool last_hour(const struct sitepool *pool, uint64_t *queries)
{
    uint64_t hour = pool->now / HOUR_S;
    uint64_t day = (hour - 1) / DAY_H;
    const struct traffic_pool_day *counted = &pool->traffic.pool[day % 2];
    *queries = counted->hours[(hour - 1) % DAY_H].queries;
    return counted->number == day;
}

static void put_figures(struct markup *m, const struct sitepool *pool)
{
    uint64_t queries = 0;
    markup_raw(m, "<dl class=\"figures\">\n");
    put_figure(m, "members handed out", pool->census.eligible);
    put_figure(m, "members in all", pool->census.members);
    put_figure(m, "vantage points", vantages_asked(pool));
    if (last_hour(pool, &queries)) {
        put_figure(m, "queries in the last whole hour", queries);
    }
    put_figure(m, "times handed out in a day", (uint64_t)pool->answers_day);
    markup_raw(m, "</dl>\n");
}

static void put_states(struct markup *m, const struct sitepool *pool)
{
    markup_raw(
        m,
        "<div>\n<h2>Members by state</h2>\n<table>\n<caption>All members</caption>\n<thead>\n<tr>"
        "<th scope=\"col\">State</th><th scope=\"col\" class=\"number\">Members</th></tr>"
        "\n</thead>\n<tbody>\n");
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        if (pool->census.states[i] > 0) {
            markup_raw(m, "<tr><th scope=\"row\">");
            page_state(m, census_state_text(i),
                       i < CENSUS_STATES - 1 && stage_is_in((enum stage)i));
            markup_put(m, "</th><td class=\"number\">%zu</td></tr>\n", pool->census.states[i]);
        }
    }
    markup_raw(m, "</tbody>\n</table>\n</div>\n");
}

/* worldpages_put has made both files before. */
static void put_map(struct markup *m, const struct sitepool *pool)
{
    if (pool->options.map) {
        markup_raw(m, "<h2>Members in the world</h2>\n<p class=\"map\"><a href=\"map.html\"><img "
                      "src=\"map.svg\" alt=\"Map of the members, with a table\" width=\"2000\" "
                      "height=\"867\"></a></p>\n");
    }
}

static void put_families(struct markup *m, const struct sitepool *pool)
{
    static const struct {
        enum address_family family;
        const char *name;
    } rows[] = { { ADDRESS_IPV4, "IPv4" }, { ADDRESS_IPV6, "IPv6" } };
    markup_raw(m,
               "<div>\n<h2>Addresses</h2>\n<table>\n<caption>Addresses that were probed</caption>\n"
               "<thead>\n<tr><th scope=\"col\">Family</th>"
               "<th scope=\"col\" class=\"number\">Working</th>"
               "<th scope=\"col\" class=\"number\">Not working</th></tr>\n</thead>\n<tbody>\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const size_t *count = pool->census.addresses[rows[i].family];
        markup_put(m,
                   "<tr><th scope=\"row\">%s</th><td class=\"number\">%zu</td>"
                   "<td class=\"number\">%zu</td></tr>\n",
                   rows[i].name, count[true], count[false]);
    }
    markup_raw(m, "</tbody>\n</table>\n</div>\n");
}

static void put_troubled(struct markup *m, const struct sitepool_member *member)
{
    markup_put(m, "<tr><th scope=\"row\"><a href=\"members/%s.html\">%s</a></th><td>",
               member->label, member->label);
    page_state(m, member->state, member->eligible);
    markup_raw(m, "</td><td>");
    if (member->failure != FAILURE_NONE) {
        page_failure(m, "", member->failure);
    }
    markup_put(m, "</td><td class=\"words\">%s</td><td>", member->reason);
    page_time(m, member->since);
    markup_raw(m, "</td></tr>\n");
}

/* What holds for the whole pool. */
static void put_notes(struct markup *m, const struct sitepool *pool)
{
    const size_t *held = pool->census.vantages.held;
    if (pool->source.vantages.count == 0) {
        markup_raw(m, "<p>No vantage point has reported yet. Members come in once one has.</p>\n");
    } else if (pool->source.vantages.silent) {
        markup_raw(m, "<p>No vantage point has reported lately. Members stay as they were.</p>\n");
    }
    if (held[HOLD_FROZEN] > 0) {
        markup_raw(m, "<p>Many members failed at once. They stay in the pool until it is clear "
                      "that the fault is not ours.</p>\n");
    }
    if (pool->census.ending > 0) {
        markup_put(m, "<p>Members whose certificate ends soon or has ended: %zu.</p>\n",
                   pool->census.ending);
    }
}

static void put_attention(struct markup *m, const struct sitepool *pool)
{
    char caption[CAPTION_ROOM];
    size_t count = 0;
    for (size_t i = 0; i < pool->count; i++) {
        count += needs_attention(&pool->members[i]);
    }
    markup_raw(m, "<h2>What needs attention</h2>\n");
    put_notes(m, pool);
    if (count == 0) {
        markup_raw(m, "<p>No member has fallen out.</p>\n");
        return;
    }
    (void)snprintf(caption, sizeof(caption), "Members that fell out or are about to: %zu%s", count,
                   count > ATTENTION_MAX ? ", of which these are the first" : "");
    page_table(m, "What needs attention", caption);
    markup_raw(m, "<thead>\n<tr><th scope=\"col\">Member</th><th scope=\"col\">State</th>"
                  "<th scope=\"col\">Last failure</th><th scope=\"col\">Reason</th>"
                  "<th scope=\"col\">Since</th></tr>\n</thead>\n<tbody>\n");
    size_t shown = 0;
    for (size_t i = 0; i < pool->count && shown < ATTENTION_MAX; i++) {
        if (needs_attention(&pool->members[i])) {
            put_troubled(m, &pool->members[i]);
            shown++;
        }
    }
    markup_raw(m, "</tbody>\n");
    page_table_end(m);
}

void page_pool(struct markup *m, const struct sitepool *pool)
{
    const struct page_head head = {
        .title = "The pool",
        .root = "",
        .here = "index.html",
        .description = "Members and state of a pool of time servers with Network Time Security."
    };
    page_begin(m, pool, &head);
    markup_put(m,
               "<p><b>%s</b> is a pool of time servers that are secured by Network Time Security "
               "(<a href=\"https://www.rfc-editor.org/rfc/rfc8915\">RFC 8915</a>).</p>\n",
               pool->apex);
    put_figures(m, pool);
    put_map(m, pool);
    put_attention(m, pool);
    markup_raw(m, "<div class=\"beside\">\n");
    put_states(m, pool);
    put_families(m, pool);
    markup_raw(m, "</div>\n");
    page_end(m, pool);
}

static json_t *count_json(size_t count)
{
    return json_integer((json_int_t)count);
}

static json_t *states_json(const struct census *census)
{
    json_t *out = json_object();
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        json_object_set_new(out, census_state_text(i), count_json(census->states[i]));
    }
    return out;
}

static json_t *vantages_json(const struct vantages *vantages)
{
    json_t *out = json_array();
    for (unsigned i = 0; i < vantages->count; i++) {
        const struct vantage *vantage = &vantages->list[i];
        json_array_append_new(
            out, json_pack("{s:o, s:s, s:b, s:o}", "name", json_text(vantage->name), "state",
                           vantage_state_text(vantage->state), "counts", (int)vantages->asked[i],
                           "reported_at", json_time(vantage->well_at)));
    }
    return out;
}

static json_t *troubled_json(const struct sitepool *pool)
{
    json_t *out = json_array();
    for (size_t i = 0; i < pool->count; i++) {
        const struct sitepool_member *member = &pool->members[i];
        if (needs_attention(member)) {
            json_array_append_new(out, json_pack("{s:o, s:s, s:s, s:o, s:o}", "name",
                                                 json_text(member->label), "state", member->state,
                                                 "reason", member->reason, "failure",
                                                 member->failure == FAILURE_NONE
                                                     ? json_null()
                                                     : json_string(failure_id(member->failure)),
                                                 "since", json_time(member->since)));
        }
    }
    return out;
}

void page_pool_json(struct markup *m, const struct sitepool *pool)
{
    const struct census *census = &pool->census;
    json_t *out = json_object();
    uint64_t queries = 0;
    json_object_set_new(out, "pool", json_text(pool->apex));
    json_object_set_new(out, "made_at", json_time(pool->now));
    json_object_set_new(out, "members", count_json(census->members));
    json_object_set_new(out, "eligible", count_json(census->eligible));
    json_object_set_new(out, "states", states_json(census));
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        json_object_set_new(out, i == ADDRESS_IPV4 ? "ipv4" : "ipv6",
                            json_pack("{s:o, s:o}", "working",
                                      count_json(census->addresses[i][true]), "failing",
                                      count_json(census->addresses[i][false])));
    }
    json_object_set_new(out, "queries_1h",
                        last_hour(pool, &queries) ? json_integer((json_int_t)queries)
                                                  : json_null());
    json_object_set_new(out, "answers_24h", json_integer((json_int_t)pool->answers_day));
    json_object_set_new(out, "last_probe_at", json_time(census->last_probe_at));
    json_object_set_new(out, "certificates_ending", count_json(census->ending));
    json_object_set_new(out, "vantages", vantages_json(&pool->source.vantages));
    json_object_set_new(out, "attention", troubled_json(pool));
    markup_json(m, out);
    markup_raw(m, "\n");
}
