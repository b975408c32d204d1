/* What a server needs to become a member, and how the pool judges it. */
#ifndef TOOLS_PAGE_JOIN_H
#define TOOLS_PAGE_JOIN_H

#include "tools/site/markup.h"
#include "tools/site/sitepool.h"

void page_join(struct markup *m, const struct sitepool *pool);

#endif
