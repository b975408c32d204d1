/* The scores of an address in the layout of ntppool.org, /scores/ADDRESS/, so that programs written
 * for that pool can read this one. Their "recentmedian" is our median.
 *
 * A static server ignores query strings, so one file serves all: what is newest comes first, and
 * the first entry is of the median, as with `?limit=1`. */
#ifndef TOOLS_SCORES_H
#define TOOLS_SCORES_H

#include "tools/site/membertrack.h"
#include "tools/site/page.h"

enum {
    SCORES_MEDIANS = 96,  /* quarters of an hour: a day */
    SCORES_FAILURES = 100 /* beginnings of failures, the latest */
};

void scores_json(struct markup *m, const struct membertrack *track, unsigned address);
void scores_log(struct markup *m, const struct membertrack *track, unsigned address);
/* A page that leads to that of the member. */
void scores_page(struct markup *m, const struct sitepool *pool, const struct membertrack *track,
                 unsigned address);

#endif
