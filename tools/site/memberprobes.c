#include "tools/site/memberprobes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "probe/aead.h"
#include "tools/site/membercharts.h"
#include "zone/base/array.h"

enum {
    RUNS_SHOWN = 30
};

static void put_address(struct markup *m, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    markup_put(m, "%s", address_text(address, text));
}

static void put_ms(struct markup *m, bool known, double ms, bool sign)
{
    if (known && isfinite(ms)) {
        markup_put(m, sign ? "%+.3f" : "%.3f", ms);
    } else {
        markup_raw(m, "-");
    }
}

/* -- the last probes -- */

/* Why the vantage point does not count now; NULL if it does. */
static const char *aside_of(const struct sitepool *pool, const struct membertrack *track,
                            const struct track_subject *subject)
{
    const struct vantages *vantages = &pool->source.vantages;
    const struct vantage *vantage = vantages_find(vantages, membertrack_vantage(track, subject));
    enum address_family family = address_family(&track->addresses[subject->address]);
    if (vantage == NULL) {
        return "no longer a vantage point";
    }
    switch (vantage->state) {
    case VANTAGE_CLOCK_OFF:
        return "set aside: its own clock is off";
    case VANTAGE_NETWORK_OFF:
        return "set aside: its own network is off";
    case VANTAGE_HELD_UP:
        return "set aside: it is overloaded";
    case VANTAGE_WELL:
        break;
    }
    if (vantage_family_waits(vantage, family)) {
        return family == ADDRESS_IPV4 ? "set aside: it has no IPv4 now"
                                      : "set aside: it has no IPv6 now";
    }
    return subject->asked ? NULL : "set aside: it has not reported lately";
}

static void put_result(struct markup *m, const struct address_health *seen)
{
    if (seen->failure == FAILURE_NONE) {
        markup_raw(m, "<span class=\"good\">ok</span>");
        return;
    }
    markup_raw(m, "<span class=\"bad\">");
    page_failure(m, "../", seen->failure);
    markup_raw(m, "</span>");
    if (seen->detail[0] != 0) {
        markup_put(m, "<br><span class=\"soft\">%s</span>", seen->detail);
    }
}

static void put_probe(struct markup *m, const struct sitepool *pool,
                      const struct membertrack *track, const struct track_subject *subject)
{
    const struct address_health *seen = membertrack_seen(track, subject);
    const char *aside = aside_of(pool, track, subject);
    markup_raw(m,
               aside != NULL ? "<tr class=\"aside\"><th scope=\"row\">" : "<tr><th scope=\"row\">");
    put_address(m, &track->addresses[subject->address]);
    markup_put(m, "</th><td>%s", membertrack_vantage(track, subject));
    if (aside != NULL) {
        markup_put(m, "<br><span class=\"soft\">%s</span>", aside);
    }
    markup_raw(m, "</td><td class=\"number\">");
    page_score(m, seen->probes > 0, seen->score_milli);
    markup_raw(m, "</td><td>");
    put_result(m, seen);
    bool timed = seen->operational_at != 0;
    markup_raw(m, "</td><td class=\"number\">");
    put_ms(m, timed, (double)seen->offset_us / 1000, true);
    markup_raw(m, "</td><td class=\"number\">");
    put_ms(m, timed, seen->rtt_us / 1000.0, false);
    markup_raw(m, "</td><td>");
    page_time(m, seen->last_probe_at);
    markup_raw(m, "</td></tr>\n");
}

/* An address that nobody has probed. */
static void put_unprobed(struct markup *m, const struct address *address)
{
    markup_raw(m, "<tr><th scope=\"row\">");
    put_address(m, address);
    markup_raw(m, "</th><td>-</td><td class=\"number\">-</td><td>not probed yet</td>"
                  "<td class=\"number\">-</td><td class=\"number\">-</td><td>-</td></tr>\n");
}

void memberprobes_now(struct markup *m, const struct sitepool *pool,
                      const struct membertrack *track)
{
    size_t next = 0;
    if (track->address_count == 0) {
        markup_raw(m, "<h2>Last probes</h2>\n<p>No address is known yet.</p>\n");
        return;
    }
    markup_raw(m, "<h2>Last probes</h2>\n");
    page_table(m, "Last probes",
               "Each address from each vantage point. Offset and round trip are those of the last "
               "good probe, in milliseconds.");
    markup_raw(m, "<thead><tr><th scope=\"col\">Address</th><th scope=\"col\">Vantage point</th>"
                  "<th scope=\"col\" class=\"number\">Score</th><th scope=\"col\">Result</th>"
                  "<th scope=\"col\" class=\"number\">Offset</th>"
                  "<th scope=\"col\" class=\"number\">Round trip</th>"
                  "<th scope=\"col\">Probed</th></tr></thead>\n<tbody>\n");
    for (unsigned i = 0; i < track->address_count; i++) {
        size_t first = next;
        for (; next < track->subject_count && track->subjects[next].address == i; next++) {
            put_probe(m, pool, track, &track->subjects[next]);
        }
        if (next == first) {
            put_unprobed(m, &track->addresses[i]);
        }
    }
    markup_raw(m, "</tbody>\n");
    page_table_end(m);
    for (unsigned i = 0; i < track->address_count; i++) {
        if ((track->view.standing.left_out >> i & 1) != 0) {
            markup_raw(m, "<p>");
            put_address(m, &track->addresses[i]);
            markup_raw(m, " is left out of the name until it works again.</p>\n");
        }
    }
}

/* -- two days and a year -- */

struct sums {
    int32_t low_milli;
    uint32_t good;
    double offset_us, rtt_us;
};

static struct sums sums_of(const struct track_subject *subject)
{
    struct sums out = { .low_milli = INT32_MAX };
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        const struct track_quarter *quarter = &subject->quarters[i];
        if (quarter->probes > 0 && quarter->score_low_milli < out.low_milli) {
            out.low_milli = quarter->score_low_milli;
        }
        out.good += track_quarter_good(quarter);
        out.offset_us += (double)quarter->offset_sum_us;
        out.rtt_us += (double)quarter->rtt_sum_us;
    }
    return out;
}

static void put_figures(struct markup *m, const struct membertrack *track, unsigned address)
{
    char text[ADDRESS_TEXT_MAX], name[ADDRESS_TEXT_MAX + 32];
    (void)snprintf(name, sizeof(name), "Two days of %s in figures",
                   address_text(&track->addresses[address], text));
    page_table(m, name, "Two days in figures");
    markup_raw(m, "<thead><tr><th scope=\"col\">Vantage point</th>"
                  "<th scope=\"col\" class=\"number\">Probes</th>"
                  "<th scope=\"col\" class=\"number\">Failed</th>"
                  "<th scope=\"col\" class=\"number\">Lowest score</th>"
                  "<th scope=\"col\" class=\"number\">Mean offset, ms</th>"
                  "<th scope=\"col\" class=\"number\">Mean round trip, ms</th></tr></thead>\n"
                  "<tbody>\n");
    for (size_t i = 0; i < track->subject_count; i++) {
        const struct track_subject *subject = &track->subjects[i];
        if (subject->address != address) {
            continue;
        }
        const struct sums sums = sums_of(subject);
        bool good = sums.good > 0;
        markup_put(m,
                   "<tr><th scope=\"row\">%s</th><td class=\"number\">%u</td>"
                   "<td class=\"number\">%u</td><td class=\"number\">",
                   membertrack_vantage(track, subject), subject->probes, subject->failures);
        page_score(m, subject->probes > 0, sums.low_milli);
        markup_raw(m, "</td><td class=\"number\">");
        put_ms(m, good, good ? sums.offset_us / sums.good / 1000 : 0, true);
        markup_raw(m, "</td><td class=\"number\">");
        put_ms(m, good, good ? sums.rtt_us / sums.good / 1000 : 0, false);
        markup_raw(m, "</td></tr>\n");
    }
    markup_raw(m, "</tbody>\n");
    page_table_end(m);
}

static bool was_probed(const struct membertrack *track, unsigned address)
{
    for (size_t i = 0; i < track->subject_count; i++) {
        if (track->subjects[i].address == address && track->subjects[i].probes > 0) {
            return true;
        }
    }
    return false;
}

void memberprobes_days(struct markup *m, const struct sitepool *pool,
                       const struct membertrack *track)
{
    bool begun = false;
    for (unsigned i = 0; i < track->address_count; i++) {
        if (!was_probed(track, i)) {
            continue;
        }
        if (!begun) {
            markup_raw(m, "<h2>Two days</h2>\n<p class=\"soft\">Times are UTC. A ribbon is full "
                          "where the server did not answer, half as high where its answer was "
                          "wrong, and a thin line where the fault was the vantage point's own. "
                          "Triangles are events of the log.</p>\n");
            begun = true;
        }
        markup_raw(m, "<h3>");
        put_address(m, &track->addresses[i]);
        markup_raw(m, "</h3>\n");
        membercharts_write(m, track, &pool->source.settings, i);
        put_figures(m, track, i);
    }
    if (begun) {
        markup_put(
            m,
            "<h2>A year</h2>\n<p><img class=\"year\" src=\"%s.year.svg\" alt=\"Mean score of "
            "each day in the last year. The same as a table: the CSV file.\"></p>\n"
            "<p><a href=\"%s.days.csv\">Each day as CSV</a></p>\n",
            track->view.member.label, track->view.member.label);
    }
}

/* -- certificate and warnings -- */

void memberprobes_certificate(struct markup *m, const struct membertrack *track)
{
    const struct member_health *health = &track->view.consensus.health;
    if (memberview_certificate_end(&track->view) == 0) {
        return;
    }
    markup_raw(m, "<h2>Certificate</h2>\n");
    page_table(m, "Certificate", "As last seen");
    markup_raw(m, "<thead><tr><th scope=\"col\">Address</th><th scope=\"col\">Ends</th>"
                  "<th scope=\"col\">Left</th><th scope=\"col\">AEAD</th></tr></thead>\n"
                  "<tbody>\n");
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *seen = &health->addresses[i];
        if (seen->cert_not_after == 0) {
            continue;
        }
        markup_raw(m, "<tr><th scope=\"row\">");
        put_address(m, &seen->address);
        markup_raw(m, "</th><td>");
        page_time(m, seen->cert_not_after);
        markup_raw(m, "</td><td>");
        if (seen->cert_not_after > track->now) {
            page_span(m, seen->cert_not_after - track->now);
        } else {
            markup_raw(m, "<span class=\"bad\">ended</span>");
        }
        markup_put(m, "</td><td>%s</td></tr>\n", seen->aead != 0 ? aead_text(seen->aead) : "-");
    }
    markup_raw(m, "</tbody>\n");
    page_table_end(m);
}

void memberprobes_warnings(struct markup *m, const struct membertrack *track)
{
    const struct member_health *health = &track->view.consensus.health;
    bool begun = false;
    for (unsigned i = 0; i < health->address_count; i++) {
        for (unsigned bit = 1; bit <= health->addresses[i].warnings; bit <<= 1) {
            if ((health->addresses[i].warnings & bit) == 0) {
                continue;
            }
            markup_raw(m, begun ? "" : "<h2>Warnings</h2>\n<ul>\n");
            begun = true;
            markup_raw(m, "<li>");
            put_address(m, &health->addresses[i].address);
            markup_put(m, ": <a href=\"../failures.html#warning-%s\">%s</a>. %s</li>\n",
                       warning_text((enum warning)bit), warning_text((enum warning)bit),
                       warning_advice((enum warning)bit));
        }
    }
    markup_raw(m, begun ? "</ul>\n" : "");
}

/* -- failed probes -- */

struct failed {
    const struct track_subject *subject;
    const struct track_run *run;
};

static int newest_first(const void *a, const void *b)
{
    const struct failed *left = a, *right = b;
    return (left->run->until < right->run->until) - (left->run->until > right->run->until);
}

static void put_failed(struct markup *m, const struct membertrack *track,
                       const struct failed *failed)
{
    const struct track_run *run = failed->run;
    const struct address_health *seen = membertrack_seen(track, failed->subject);
    markup_raw(m, "<tr><td>");
    page_time(m, run->from);
    markup_raw(m, "</td><td>");
    page_time(m, run->until);
    markup_raw(m, "</td><td>");
    put_address(m, &track->addresses[failed->subject->address]);
    markup_put(m, "</td><td>%s</td><td class=\"number\">%u</td><td>",
               membertrack_vantage(track, failed->subject), run->count);
    page_failure(m, "../", run->failure);
    if (run->failure == seen->failure && run->until == seen->last_probe_at &&
        seen->detail[0] != 0) {
        markup_put(m, "<br><span class=\"soft\">%s</span>", seen->detail);
    }
    markup_raw(m, "</td></tr>\n");
}

void memberprobes_failures(struct markup *m, const struct membertrack *track)
{
    struct failed *list = NULL;
    size_t count = 0, room = 0;
    for (size_t i = 0; i < track->subject_count; i++) {
        const struct track_subject *subject = &track->subjects[i];
        size_t kept = subject->run_count < TRACK_RUNS ? subject->run_count : TRACK_RUNS;
        for (size_t j = 0; j < kept; j++) {
            ARRAY_PUSH(list, count, room, (struct failed){ subject, &subject->runs[j] });
        }
    }
    if (count == 0) {
        return;
    }
    qsort(list, count, sizeof(list[0]), newest_first);
    markup_raw(m, "<h2>Failed probes</h2>\n");
    page_table(m, "Failed probes",
               "Of two days, the newest first; failures of one kind in a row are one line");
    markup_raw(m, "<thead><tr><th scope=\"col\">From</th><th scope=\"col\">Until</th>"
                  "<th scope=\"col\">Address</th><th scope=\"col\">Vantage point</th>"
                  "<th scope=\"col\" class=\"number\">Probes</th>"
                  "<th scope=\"col\">Failure</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < count && i < RUNS_SHOWN; i++) {
        put_failed(m, track, &list[i]);
    }
    markup_raw(m, "</tbody>\n");
    page_table_end(m);
    if (count > RUNS_SHOWN) {
        markup_put(m, "<p>There were more: these are the last %d.</p>\n", RUNS_SHOWN);
    }
    free(list);
}
