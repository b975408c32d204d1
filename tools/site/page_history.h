/* The pool over time: members, addresses and queries, as charts, a table and data. */
#ifndef TOOLS_PAGE_HISTORY_H
#define TOOLS_PAGE_HISTORY_H

#include "tools/site/markup.h"
#include "tools/site/sitehistory.h"
#include "tools/site/sitepool.h"

enum {
    PAGE_HISTORY_ROWS = 31 /* days in the table of the page; history.csv has all */
};

void page_history(struct markup *m, const struct sitepool *pool, const struct sitehistory *history);
void page_history_csv(struct markup *m, const struct sitehistory *history);

#endif
