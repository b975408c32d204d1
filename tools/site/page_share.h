/* What each member gets of the answers, as `ntspool share` shows it. */
#ifndef TOOLS_PAGE_SHARE_H
#define TOOLS_PAGE_SHARE_H

#include "tools/site/markup.h"
#include "tools/site/siteworld.h"

enum {
    PAGE_SHARE_ROWS = 300 /* of the page; share.csv has all members */
};

void page_share(struct markup *m, const struct sitepool *pool, const struct siteworld *world);
void page_share_csv(struct markup *m, const struct siteworld *world);

#endif
