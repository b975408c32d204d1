#include "tools/site/page_share.h"

#include "tools/site/page.h"
#include "tools/site/sitetable.h"

enum {
    BARS = 10,
    BAR_WIDTH = 56,
    BAR_ROOM = 120 /* height of the highest bar */
};

/* The classes of the histogram: from each ratio to the next. */
static const double bar_from[BARS] = { 0, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2 };
static const char *const bar_names[BARS] = { "0",   "0.25", "0.5",  "0.75", "0.9",
                                             "1.0", "1.1",  "1.25", "1.5",  "2" };

static unsigned bar_of(double ratio)
{
    unsigned bar = BARS - 1;
    while (bar > 0 && ratio < bar_from[bar]) {
        bar--;
    }
    return bar;
}

static void put_histogram(struct markup *m, const struct siteworld *world)
{
    unsigned counts[BARS] = { 0 }, most = 1;
    for (size_t i = 0; i < world->share_count; i++) {
        double ratio = world->share.rows[i].ratio;
        if (ratio >= 0) {
            unsigned *count = &counts[bar_of(ratio)];
            (*count)++;
            most = *count > most ? *count : most;
        }
    }
    markup_put(m,
               "<figure class=\"bars\">\n<svg viewBox=\"0 0 %d %d\" role=\"img\" "
               "aria-labelledby=\"bars-title bars-desc\">\n<title id=\"bars-title\">Members by "
               "ratio</title>\n<desc id=\"bars-desc\">How many members get which ratio of their "
               "fair part:",
               BARS * BAR_WIDTH, BAR_ROOM + 40);
    for (unsigned i = 0; i < BARS; i++) {
        markup_put(m, "%s %u from %s", i == 0 ? "" : ",", counts[i], bar_names[i]);
    }
    markup_raw(m, ".</desc>\n");
    for (unsigned i = 0; i < BARS; i++) {
        unsigned height = counts[i] * BAR_ROOM / most, x = i * BAR_WIDTH;
        markup_put(m, "<rect x=\"%u\" y=\"%u\" width=\"%d\" height=\"%u\"/>\n", x + 1,
                   BAR_ROOM + 18 - height, BAR_WIDTH - 2, height);
        markup_put(m, "<text x=\"%u\" y=\"%u\" text-anchor=\"middle\">%u</text>\n",
                   x + BAR_WIDTH / 2, BAR_ROOM + 13 - height, counts[i]);
        markup_put(m, "<text x=\"%u\" y=\"%d\">%s</text>\n", x, BAR_ROOM + 34, bar_names[i]);
    }
    markup_raw(m, "</svg>\n<figcaption>Members by ratio: each bar from the ratio at its left to "
                  "the next one.</figcaption>\n</figure>\n");
}

static void put_row(struct markup *m, const struct steershare_row *row)
{
    const struct steered *member = row->member;
    markup_put(m, "<tr><th scope=\"row\"><a href=\"members/%s.html\">%s</a></th><td>",
               member->label, member->label);
    page_state(m, member->state, member->index != STEERVIEW_OUT);
    markup_put(m,
               "</td><td class=\"number\">%.3f %%</td><td class=\"number\">%.3f %%</td>"
               "<td class=\"number\">",
               100 * row->fair, 100 * row->expected);
    page_count(m, row->hour);
    markup_raw(m, "</td><td class=\"number\">");
    page_count(m, row->day);
    markup_raw(m, "</td><td class=\"number\">");
    if (row->ratio < 0) {
        markup_raw(m, "-");
    } else {
        markup_put(m, "%.3f", row->ratio);
    }
    markup_raw(m, "</td></tr>\n");
}

/* All members, or those that are furthest from their fair part at both ends. */
static void put_table(struct markup *m, const struct siteworld *world)
{
    static const char *const heads[] = { "Member",     "State",     "#Fair", "#Expected",
                                         "#Last hour", "#Last day", "#Ratio" };
    const struct steershare *share = &world->share;
    size_t count = world->share_count, rated = 0;
    while (rated < count && share->rows[rated].ratio >= 0) {
        rated++;
    }
    bool all = count <= PAGE_SHARE_ROWS;
    sitetable_begin(m, all ? "All members, highest ratio first" : "The highest ratios", heads,
                    sizeof(heads) / sizeof(heads[0]));
    size_t first = all ? count : rated < PAGE_SHARE_ROWS ? rated : PAGE_SHARE_ROWS / 2;
    for (size_t i = 0; i < first; i++) {
        put_row(m, &share->rows[i]);
    }
    sitetable_end(m);
    if (first < rated) {
        sitetable_begin(m, "The lowest ratios", heads, sizeof(heads) / sizeof(heads[0]));
        for (size_t i = rated - PAGE_SHARE_ROWS / 2; i < rated; i++) {
            put_row(m, &share->rows[i]);
        }
        sitetable_end(m);
    }
}

static void put_counted(struct markup *m, const struct steershare *share)
{
    if (share->day == 0) {
        markup_raw(m, "No answers were counted yet: the ratios are those expected.");
        return;
    }
    markup_raw(m, "One name server of the pool handed them out ");
    page_count(m, share->hour);
    markup_raw(m, " times in the last hour and ");
    page_count(m, share->day);
    markup_raw(m, " times in the last day.");
}

void page_share(struct markup *m, const struct sitepool *pool, const struct siteworld *world)
{
    const struct page_head head = { .title = "Shares",
                                    .root = "",
                                    .here = "share.html",
                                    .description = "What each member gets of the answers, and what "
                                                   "would be fair." };
    page_begin(m, pool, &head);
    markup_put(
        m,
        "<p>An answer has up to %u members. A member's <b>fair</b> part is its part of the "
        "capacity that is handed out. <b>Expected</b> is its part by steering, which prefers "
        "near members, but gives none more than %.2f times its fair part. <b>Ratio</b> is "
        "the part that it got in the last day, divided by the fair one.</p>\n",
        pool->source.settings.srv_count, pool->source.settings.max_overload_milli / 1000.0);
    markup_put(m, "<p>%zu of %zu members are handed out. ", world->view.candidates.eligible,
               world->view.count);
    put_counted(m, &world->share);
    markup_raw(m, " <a href=\"share.csv\">share.csv</a> has all members.</p>\n");
    if (pool->options.map) {
        markup_raw(m, "<p><a href=\"map.html\">Maps</a> show the same by country.</p>\n");
    }
    if (world->share_count == 0 || world->share.rows[0].ratio < 0) {
        markup_raw(m, "<p>Shares are shown here once a member is handed out.</p>\n");
        page_end(m, pool);
        return;
    }
    put_histogram(m, world);
    put_table(m, world);
    page_end(m, pool);
}

void page_share_csv(struct markup *m, const struct siteworld *world)
{
    markup_raw(m, "name,state,fair,expected,answers_hour,answers_day,ratio\n");
    for (size_t i = 0; i < world->share_count; i++) {
        const struct steershare_row *row = &world->share.rows[i];
        markup_csv(m, row->member->label);
        markup_raw(m, ",");
        markup_csv(m, row->member->state);
        markup_put(m, ",%.6f,%.6f,%llu,%llu,", row->fair, row->expected,
                   (unsigned long long)row->hour, (unsigned long long)row->day);
        if (row->ratio >= 0) {
            markup_put(m, "%.4f", row->ratio);
        }
        markup_raw(m, "\n");
    }
}
