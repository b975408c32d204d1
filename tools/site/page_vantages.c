#include "tools/site/page_vantages.h"

#include "tools/site/page.h"
#include "tools/site/sitetable.h"

static const char *word_on(const struct vantage *vantage, bool asked)
{
    return vantage->state != VANTAGE_WELL ? "set aside" : asked ? "counts" : "silent";
}

static const char *reason_of(const struct vantage *vantage, bool asked)
{
    switch (vantage->state) {
    case VANTAGE_CLOCK_OFF:
        return ": its clock differs from its references";
    case VANTAGE_NETWORK_OFF:
        return ": its network does not work";
    case VANTAGE_HELD_UP:
        return ": its machine gets too little CPU time";
    case VANTAGE_WELL:
        break;
    }
    if (!asked) {
        return ": its last report is too old";
    }
    return vantage_is_frozen(vantage) ? "; removals wait, since too many fail at once" : "";
}

static const char *word_on_family(const struct vantage_family *family)
{
    switch (family->state) {
    case FAMILY_ON:
        return "works";
    case FAMILY_OFF:
        return "off: verdicts wait";
    case FAMILY_UNSEEN:
        break;
    }
    return "never worked";
}

static void put_row(struct markup *m, const struct sitepool *pool, unsigned i)
{
    const struct vantages *all = &pool->source.vantages;
    const struct vantage *vantage = &all->list[i];
    bool counts = all->asked[i] && vantage->state == VANTAGE_WELL;
    markup_put(m,
               "<tr><th scope=\"row\">%s</th><td class=\"words\"><span class=\"state "
               "%s\">%s</span>%s</td><td>",
               vantage->name, counts ? "good" : "bad", word_on(vantage, all->asked[i]),
               reason_of(vantage, all->asked[i]));
    page_time(m, vantage->well_at);
    markup_raw(m, "</td><td class=\"number\">");
    page_span(m, vantage->interval_s);
    markup_put(m,
               "</td><td>%s</td><td>%s</td><td class=\"number\">%u</td><td class=\"number\">%u</td>"
               "<td class=\"number\">%zu</td></tr>\n",
               word_on_family(&vantage->family[ADDRESS_IPV4]),
               word_on_family(&vantage->family[ADDRESS_IPV6]), vantage->members, vantage->down,
               pool->census.vantages.dissent[i]);
}

void page_vantages(struct markup *m, const struct sitepool *pool)
{
    static const char *const heads[] = { "Vantage point", "Verdicts",       "Last report",
                                         "#Interval",     "IPv4",           "IPv6",
                                         "#Eligible",     "#Of these down", "#Dissents" };
    const struct page_head head = { .title = "Vantage points",
                                    .root = "",
                                    .here = "vantages.html",
                                    .description =
                                        "Who probes the members, and whose verdicts count." };
    const struct vantages *vantages = &pool->source.vantages;
    page_begin(m, pool, &head);
    markup_raw(m, "<p>A vantage point probes all members from its own place in the network. The "
                  "median of the verdicts decides, never the best one, so one vantage point "
                  "can't take a member out against two others. A vantage point checks its "
                  "own clock and network, and sets itself aside when they are off.</p>\n");
    if (vantages->count == 0) {
        markup_raw(m, "<p>There is none yet.</p>\n");
        page_end(m, pool);
        return;
    }
    if (vantages->silent) {
        markup_raw(m, "<p>No vantage point has reported lately. The last verdicts stand.</p>\n");
    }
    sitetable_begin(m, "All vantage points", heads, sizeof(heads) / sizeof(heads[0]));
    for (unsigned i = 0; i < vantages->count; i++) {
        put_row(m, pool, i);
    }
    sitetable_end(m);
    markup_raw(m, "<p><b>Eligible</b> are the members that it would hand out, <b>down</b> those of "
                  "them that don't answer it now. <b>Dissents</b> are members on which it has "
                  "been of another mind than the pool for an hour or more.</p>\n");
    page_end(m, pool);
}
