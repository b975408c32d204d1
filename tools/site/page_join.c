#include "tools/site/page_join.h"

#include <stdlib.h>
#include <string.h>

#include "tools/memberwelcome.h"
#include "tools/site/page.h"
#include "tools/site/plaintext.h"
#include "tools/site/sitetable.h"
#include "zone/registry/consent.h"

static void put_needs(struct markup *m, const struct sitepool *pool)
{
    markup_put(
        m,
        "<p>Who runs an NTS server with a fixed public address, and means to keep it, can "
        "bring it into the pool. It needs:</p>\n<ul>\n"
        "<li>IPv4, IPv6 or both, reachable from everywhere;</li>\n"
        "<li>good time of its own, within some 25 ms of UTC, from several sources that are not "
        "members of this pool;</li>\n"
        "<li>a certificate for the name that it gets in the pool, <code>NAME.%s</code>, "
        "which renews itself;</li>\n"
        "<li>an operator who reads mail.</li>\n</ul>\n",
        pool->apex);
}

/* The mailbox of the zone's SOA record as a mail address (RFC 1035 8). */
static void put_mailbox(struct markup *m, const struct dname *mailbox)
{
    char text[DNAME_TEXT_MAX], *to = text;
    dname_text(mailbox, text);
    text[strlen(text) - 1] = '\0';
    for (char *from = text; *from != '\0'; from++) {
        if (*from == '.') {
            *to++ = '@';
            memmove(to, from + 1, strlen(from)); /* with its end */
            break;
        }
        from += *from == '\\' && from[1] == '.';
        *to++ = *from;
    }
    markup_put(m, "<code>%s</code>", text);
}

static void put_contact(struct markup *m, const struct sitepool *pool)
{
    markup_put(
        m,
        "<h2>How to apply</h2>\n<p>Run this on the server, with a name that you choose:</p>\n"
        "<pre><code>ntspool member apply NAME.%s application.txt \\\n"
        "    --address ADDRESS --country CC --capacity MBIT \\\n"
        "    --operator WHO --contact MAIL</code></pre>\n"
        "<p>It probes the server, and writes a short text. The certificate may be missing yet. "
        "Send the text to ",
        pool->apex);
    put_mailbox(m, &pool->source.settings.mailbox);
    markup_raw(m,
               ". Without <code>ntspool</code>, write the name, the addresses, the country, the "
               "capacity in Mbit/s, and who you are. ntspool-member(7) is a guide from the first "
               "thought to the last day.</p>\n");
}

/* Of servers that keep a name outside the pool. */
static void put_own_name(struct markup *m, const struct settings *settings)
{
    char text[CONSENT_TEXT_ROOM];
    markup_raw(m, "<h3>A name of its own</h3>\n<p>A server that has a name and a certificate "
                  "already can keep them (<code>--target</code>).");
    if (settings->target_consent) {
        markup_put(m,
                   " Its zone must then say that it belongs to the pool; no other name may be "
                   "listed against its owner's will:</p>\n"
                   "<pre><code>%s.time.example.net. TXT \"%s\"</code></pre>\n",
                   CONSENT_LABEL, consent_text(&settings->apex, text));
    } else {
        markup_raw(m, "</p>\n");
    }
}

static void put_leaving(struct markup *m, const struct settings *settings)
{
    char lead[SETTING_VALUE_MAX];
    CHECK(settings_text(settings, "leave-lead", lead) == RESULT_OK);
    markup_put(m,
               "<h2>How to leave</h2>\n<p>Write to the same address, and say when. New clients "
               "are no longer sent to the server from %s before that time on, and its name stays "
               "until then. Please let it answer its old clients for as long as you can.</p>\n",
               lead);
}

static void put_row(struct markup *m, const char *what, const char *value)
{
    markup_put(m, "<tr><th scope=\"row\" class=\"words\">%s</th><td>%s</td></tr>\n", what, value);
}

/* The settings that decide on a member. */
static void put_rules(struct markup *m, const struct settings *settings)
{
    static const struct {
        const char *what, *setting;
    } rules[] = {
        { "Time without failure before a new member is handed out", "min-history" },
        { "Time in which a probe must see its first certificate (0: no limit)",
          "registration-expiry" },
        { "Score for the first entry (at most 20)", "entry-score" },
        { "Score below which a member is handed out no more", "exit-score" },
        { "Score for coming back", "reentry-score" },
        { "Part of the members, in percent, that fail at once and stop removals",
          "breaker-percent" },
        { "Most of its fair part of the answers that a member gets", "max-overload" },
        { "Members in one answer", "srv-count" },
        { "How long resolvers keep an answer", "srv-ttl" },
    };
    static const char *const heads[] = { "Rule", "Value" };
    char value[SETTING_VALUE_MAX];
    markup_raw(m, "<h2>How the pool judges</h2>\n<p>Vantage points probe each address, and the "
                  "median of their verdicts counts. The score moves as in the NTP pool: a good "
                  "probe adds up to 1, a failure takes 5 or more, and what was before counts for "
                  "95 %. <a href=\"failures.html\">Failures</a> says what each failure means, "
                  "<a href=\"vantages.html\">vantage points</a> who probes.</p>\n");
    sitetable_begin(m, "The rules of this pool", heads, 2);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (settings_text(settings, rules[i].setting, value) == RESULT_OK) {
            put_row(m, rules[i].what, value);
        }
    }
    sitetable_end(m);
}

void page_join(struct markup *m, const struct sitepool *pool)
{
    const struct page_head head = { .title = "Join the pool",
                                    .root = "",
                                    .here = "join.html",
                                    .description = "How to bring an NTS server into the pool." };
    char *steps = NULL;
    struct diag diag;
    page_begin(m, pool, &head);
    put_needs(m, pool);
    put_contact(m, pool);
    put_own_name(m, &pool->source.settings);
    if (memberwelcome_steps(&pool->source.settings, &steps, &diag) == RESULT_OK) {
        plaintext_write(m, steps);
    } else {
        markup_put(m, "<p>No steps can be shown yet: %s.</p>\n", diag.text);
    }
    free(steps);
    put_rules(m, &pool->source.settings);
    put_leaving(m, &pool->source.settings);
    page_end(m, pool);
}
