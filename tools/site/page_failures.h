/* All classes of failure and warnings of members, each with what to do. Each has its id as anchor.
 */
#ifndef TOOLS_PAGE_FAILURES_H
#define TOOLS_PAGE_FAILURES_H

#include "tools/site/markup.h"
#include "tools/site/sitepool.h"

void page_failures(struct markup *m, const struct sitepool *pool);

#endif
