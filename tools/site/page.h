/* What all pages of the site have in common: head, navigation, foot, and the small parts that
 * several pages show. Pages are valid HTML without script, style attributes or foreign assets. */
#ifndef TOOLS_PAGE_H
#define TOOLS_PAGE_H

#include <stdint.h>

#include "tools/site/markup.h"
#include "tools/site/sitepool.h"

/* A page of the site. All texts are escaped when they are written. */
struct page_head {
    const char *title;       /* without the pool's */
    const char *root;        /* from the page to the directory of the site: "" or "../" ... */
    const char *here;        /* its entry in the navigation ("members.html"); or NULL */
    const char *description; /* one sentence, for search engines and link previews; or NULL */
    const char *feed;        /* its Atom feed, from the page; or NULL */
};

/* Writes all up to the first heading, which is the title. page_end writes the foot. */
void page_begin(struct markup *m, const struct sitepool *pool, const struct page_head *head);
void page_end(struct markup *m, const struct sitepool *pool);

/* Begins a table that scrolls on a small screen, by keyboard, too; `name` is for readers that can't
 * see it. page_table_end ends it. */
void page_table(struct markup *m, const char *name, const char *caption);
void page_table_end(struct markup *m);

/* A time: `<time>` in UTC to the minute; a dash for 0. */
void page_time(struct markup *m, uint64_t at);
/* A span of time: "3 days", "2 h", "12 min"; never two units. */
void page_span(struct markup *m, uint64_t seconds);
/* The state of a member: its word, and a mark of colour and shape. */
void page_state(struct markup *m, const char *state, bool eligible);
/* A number of things, as in 80,000. */
void page_count(struct markup *m, uint64_t count);
/* A score with one digit; a dash if there is none. */
void page_score(struct markup *m, bool scored, int32_t milli);
/* A link to the page of a failure with its advice, from `root`. */
void page_failure(struct markup *m, const char *root, enum failure failure);

#endif
