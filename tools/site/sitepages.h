/* The pages of the pool, all but the lists of members: one row of a table each. */
#ifndef TOOLS_SITEPAGES_H
#define TOOLS_SITEPAGES_H

#include "tools/site/site.h"
#include "tools/site/sitepool.h"

struct sitepage {
    const char *path;
    enum site_tier tier;
    void (*write)(struct markup *m, const struct sitepool *pool);
};

enum result sitepages_put(struct site *site, const struct sitepool *pool);

#endif
