#include "tools/site/page_failures.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tools/site/page.h"
#include "tools/site/sitetable.h"

/* One source, "RFC 8915 5.7", or of the RFC before, "6". Spaces in it break no line. */
static void put_link(struct markup *m, const char *rfc, const char *section, bool named)
{
    markup_put(m, "<a href=\"https://www.rfc-editor.org/rfc/rfc%s", rfc);
    if (*section != '\0') {
        markup_put(m, "#section-%s", section);
    }
    markup_raw(m, "\">");
    if (named) {
        markup_put(m, "RFC&#160;%s", rfc);
    }
    markup_put(m, named && *section != '\0' ? "&#160;%s</a>" : "%s</a>", section);
}

/* A list of sources such as "RFC 8915 5.7, 6" or "RFC 5905 7.3, RFC 7822", with links to the RFC
 * editor. */
static void put_source(struct markup *m, const char *source)
{
    static const char head[] = "RFC ";
    char *copy = xstrdup(source), *rest = copy, *part = NULL, *rfc = NULL;
    while ((part = strsep(&rest, ",")) != NULL) {
        part += strspn(part, " ");
        bool named = strncmp(part, head, strlen(head)) == 0;
        markup_raw(m, rfc != NULL ? ", " : "");
        if (named) {
            part += strlen(head);
            rfc = strsep(&part, " ");
        }
        if (rfc != NULL) {
            put_link(m, rfc, part != NULL ? part : "", named);
        }
    }
    free(copy);
}

static void put_failures(struct markup *m, const struct sitepool *pool)
{
    static const char *const heads[] = { "Failure", "What to do", "Source", "#Addresses now" };
    sitetable_begin(m, "Failures of a probe", heads, 4);
    for (unsigned i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++) {
        enum failure failure = (enum failure)i;
        const size_t *now = pool->census.failing[i];
        markup_put(m, "<tr id=\"%s\"><th scope=\"row\">%s</th><td class=\"words\">%s</td><td>",
                   failure_id(failure), failure_id(failure), failure_advice(failure));
        put_source(m, failure_source(failure));
        markup_put(m, "</td><td class=\"number\">%zu</td></tr>\n",
                   now[ADDRESS_IPV4] + now[ADDRESS_IPV6]);
    }
    sitetable_end(m);
}

static void put_warnings(struct markup *m, const struct sitepool *pool)
{
    static const char *const heads[] = { "Warning", "What to do", "#Members now" };
    markup_raw(m, "<h2>Warnings</h2>\n<p>A probe can succeed and still find something to mend. A "
                  "warning costs no score.</p>\n");
    sitetable_begin(m, "Warnings of members", heads, 3);
    for (unsigned i = 0; i < WARNINGS; i++) {
        enum warning warning = (enum warning)(1U << i);
        markup_put(m,
                   "<tr id=\"warning-%s\"><th scope=\"row\">%s</th><td class=\"words\">%s</td>"
                   "<td class=\"number\">%zu</td></tr>\n",
                   warning_text(warning), warning_text(warning), warning_advice(warning),
                   pool->census.warnings[i]);
    }
    sitetable_end(m);
}

static void put_states(struct markup *m)
{
    static const struct {
        const char *state, *meaning;
        bool in;
    } states[] = {
        { "registered", "It has a name. No probe has seen a valid certificate for it yet.", false },
        { "certified", "A probe has seen a valid certificate for the name.", false },
        { "operational", "A probe has got time with NTS. The score must rise, and stay.", false },
        { "eligible", "It is handed out: clients are sent to it.", true },
        { "falling",
          "Its score is too low. It is still handed out, for one more interval of probes.", true },
        { "ineligible", "Its score fell too low. It keeps its name and comes back by itself.",
          false },
        { "leaving",
          "It leaves the pool soon and is handed out no more. Its name stays until then.", false },
        { "suspended", "The operators of the pool have taken it out.", false },
    };
    static const char *const heads[] = { "State", "Meaning" };
    markup_raw(m, "<h2>States</h2>\n");
    sitetable_begin(m, "States of members", heads, 2);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        markup_put(m, "<tr id=\"state-%s\"><th scope=\"row\">", states[i].state);
        page_state(m, states[i].state, states[i].in);
        markup_put(m, "</th><td class=\"words\">%s</td></tr>\n", states[i].meaning);
    }
    sitetable_end(m);
    markup_raw(m, "<p>A removal waits if a member fails together with too many others, since the "
                  "fault may be the vantage point's, and if no vantage point reports.</p>\n");
}

void page_failures(struct markup *m, const struct sitepool *pool)
{
    const struct page_head head = { .title = "Failures",
                                    .root = "",
                                    .here = "failures.html",
                                    .description = "What failures, warnings and states of members "
                                                   "mean, and what to do." };
    page_begin(m, pool, &head);
    markup_raw(m,
               "<p>A probe asks a member as clients do, step by step: TCP, TLS, NTS-KE, then NTP "
               "with NTS. The step that fails names the failure. <code>ntspool probe NAME</code> "
               "makes the same probe of any NTS server and shows each step.</p>\n");
    put_failures(m, pool);
    put_warnings(m, pool);
    put_states(m);
    page_end(m, pool);
}
