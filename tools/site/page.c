#include "tools/site/page.h"

#include <math.h>
#include <string.h>

#include "zone/base/isotime.h"

enum {
    MINUTE_S = 60,
    HOUR_S = 3600,
    DAY_S = 86400
};

static const struct {
    const char *path, *name;
} places[] = { { "index.html", "Pool" },           { "members.html", "Members" },
               { "countries.html", "Countries" },  { "vantages.html", "Vantage points" },
               { "servers.html", "Name servers" }, { "share.html", "Shares" },
               { "history.html", "History" },      { "use.html", "Use it" },
               { "join.html", "Join it" },         { "failures.html", "Failures" } };

static const char *pool_title(const struct sitepool *pool)
{
    return pool->options.title[0] != 0 ? pool->options.title : pool->apex;
}

/* The server that serves the site should send the same policy as a header; in the page it holds
 * for a site on a plain host, too. */
static const char policy[] =
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'self'; "
    "img-src 'self'\">\n";

void page_begin(struct markup *m, const struct sitepool *pool, const struct page_head *head)
{
    markup_raw(m, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    markup_raw(m, policy);
    markup_put(m, "<title>%s - %s</title>\n", head->title, pool_title(pool));
    markup_raw(m, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n");
    if (head->description != NULL) {
        markup_put(m, "<meta name=\"description\" content=\"%s\">\n", head->description);
    }
    if (head->feed != NULL) {
        markup_put(m, "<link rel=\"alternate\" type=\"application/atom+xml\" href=\"%s\">\n",
                   head->feed);
    }
    markup_put(m, "<link rel=\"stylesheet\" href=\"%sstyle.css\">\n</head>\n<body>\n", head->root);
    markup_put(m, "<header>\n<p class=\"pool\">%s</p>\n<nav aria-label=\"Pages\">\n<ul>\n",
               pool_title(pool));
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        bool here = head->here != NULL && strcmp(head->here, places[i].path) == 0;
        markup_put(m, "<li><a href=\"%s%s\"", head->root, places[i].path);
        markup_raw(m, here ? " aria-current=\"page\">" : ">");
        markup_put(m, "%s</a></li>\n", places[i].name);
    }
    markup_put(m, "</ul>\n</nav>\n</header>\n<main>\n<h1>%s</h1>\n", head->title);
}

void page_end(struct markup *m, const struct sitepool *pool)
{
    markup_raw(m, "</main>\n<footer>\n<p>Made at ");
    page_time(m, pool->now);
    markup_raw(m, " (UTC) by ntspool.</p>\n");
    markup_raw(m, pool->options.imprint);
    markup_raw(m, "</footer>\n</body>\n</html>\n");
}

void page_table(struct markup *m, const char *name, const char *caption)
{
    markup_put(m,
               "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"%s\">\n<table>\n"
               "<caption>%s</caption>\n",
               name, caption);
}

void page_table_end(struct markup *m)
{
    markup_raw(m, "</table>\n</div>\n");
}

void page_time(struct markup *m, uint64_t at)
{
    char text[ISOTIME_ROOM];
    isotime_or_dash(at, text);
    if (strlen(text) != strlen("2026-11-30T02:17:51Z")) {
        markup_raw(m, "-");
        return;
    }
    markup_put(m, "<time datetime=\"%s\">%.10s %.5s</time>", text, text,
               text + strlen("2026-11-30T"));
}

void page_span(struct markup *m, uint64_t seconds)
{
    const unsigned long long s = seconds;
    if (s < MINUTE_S) {
        markup_put(m, "%llu s", s);
    } else if (s < 2ULL * HOUR_S) {
        markup_put(m, "%llu min", s / MINUTE_S);
    } else if (s < 2ULL * DAY_S) {
        markup_put(m, "%llu h", s / HOUR_S);
    } else {
        markup_put(m, "%llu days", s / DAY_S);
    }
}

void page_state(struct markup *m, const char *state, bool eligible)
{
    bool waits = strcmp(state, "registered") == 0 || strcmp(state, "certified") == 0 ||
                 strcmp(state, "operational") == 0 || strcmp(state, "falling") == 0 ||
                 strcmp(state, "leaving") == 0;
    const char *class = eligible && !waits ? "good" : waits ? "wait" : "bad";
    markup_put(m, "<span class=\"state %s\">%s</span>", class, state);
}

void page_count(struct markup *m, uint64_t count)
{
    uint64_t unit = 1;
    while (count / unit >= 1000) {
        unit *= 1000;
    }
    markup_put(m, "%llu", (unsigned long long)(count / unit));
    while (unit > 1) {
        unit /= 1000;
        markup_put(m, ",%03llu", (unsigned long long)(count / unit % 1000));
    }
}

void page_score(struct markup *m, bool scored, int32_t milli)
{
    if (scored) {
        /* the sum has no minus before a 0 */
        markup_put(m, "%.1f", round(milli / 100.0) / 10 + 0.0);
    } else {
        markup_raw(m, "-");
    }
}

void page_failure(struct markup *m, const char *root, enum failure failure)
{
    const char *id = failure_id(failure);
    markup_put(m, "<a href=\"%sfailures.html#%s\">%s</a>", root, id, id);
}
