/* The pages and files of all members, those that were removed lately included. */
#ifndef TOOLS_SITEMEMBERS_H
#define TOOLS_SITEMEMBERS_H

#include "tools/site/site.h"
#include "tools/site/sitepool.h"

enum {
    SITEMEMBERS_REMOVED_S = 183 * 86400 /* how long the page of a removed member stays */
};

/* Puts what is due. Each member is read in transactions that are over before its files are written.
 * A damaged store may crash the process: the stores are not read whole when they are opened. */
enum result sitemembers_put(struct site *site, const struct sitepool *pool, const char *state_dir,
                            struct diag *diag);
/* Writes the page of one member. NOT_FOUND if there is none. */
enum result sitemembers_page(struct markup *m, const struct sitepool *pool, const char *label,
                             const char *state_dir, struct diag *diag);

#endif
