/* The lists of members: all of them, by country and by operator, MEMBERLIST_ROWS a page. Members
 * whose operator wants them unlisted are in none. */
#ifndef TOOLS_MEMBERLIST_H
#define TOOLS_MEMBERLIST_H

#include "tools/site/site.h"
#include "tools/site/sitepool.h"

enum {
    MEMBERLIST_ROWS = 500,
    MEMBERLIST_SLUG_ROOM = MEMBER_OPERATOR_ROOM + 16
};

enum result memberlist_put(struct site *site, const struct sitepool *pool);
/* The table of some members; links begin with `root`. */
void memberlist_table(struct markup *m, const char *root, const char *caption,
                      const struct sitepool_member *const *list, size_t count);
/* The name of an operator's page. Names that differ in letter case only have the same. */
char *memberlist_slug(char out[MEMBERLIST_SLUG_ROOM], const char *operator_name);

#endif
