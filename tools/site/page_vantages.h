/* The vantage points, as they speak of themselves, and which of them count. */
#ifndef TOOLS_PAGE_VANTAGES_H
#define TOOLS_PAGE_VANTAGES_H

#include "tools/site/markup.h"
#include "tools/site/sitepool.h"

void page_vantages(struct markup *m, const struct sitepool *pool);

#endif
