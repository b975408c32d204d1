/* The first page of the site, and the same as JSON for monitoring. */
#ifndef TOOLS_PAGE_POOL_H
#define TOOLS_PAGE_POOL_H

#include "tools/site/markup.h"
#include "tools/site/sitepool.h"

void page_pool(struct markup *m, const struct sitepool *pool);
void page_pool_json(struct markup *m, const struct sitepool *pool);

#endif
