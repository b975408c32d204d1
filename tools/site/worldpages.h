/* The pages that more is read for than the pool at one moment: maps and shares by steering, and the
 * history. They are made each 15 minutes. */
#ifndef TOOLS_WORLDPAGES_H
#define TOOLS_WORLDPAGES_H

#include "tools/cli.h"
#include "tools/site/site.h"
#include "tools/site/sitepool.h"

/* Takes the location files of --locations, else those of the configuration file. */
enum result worldpages_put(struct site *site, const struct sitepool *pool, struct cli *cli);

#endif
