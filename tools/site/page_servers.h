/* The name servers of the pool's zone. */
#ifndef TOOLS_PAGE_SERVERS_H
#define TOOLS_PAGE_SERVERS_H

#include "tools/site/markup.h"
#include "tools/site/sitepool.h"

void page_servers(struct markup *m, const struct sitepool *pool);

#endif
