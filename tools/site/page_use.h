/* How clients use the pool: lines of configuration, and how to check DNSSEC. */
#ifndef TOOLS_PAGE_USE_H
#define TOOLS_PAGE_USE_H

#include "tools/site/markup.h"
#include "tools/site/sitepool.h"

void page_use(struct markup *m, const struct sitepool *pool);

#endif
