/* The lists of members: all of them, by country and by operator, MEMBERLIST_ROWS a page. Members
 * whose operator wants them unlisted are in none. */
#ifndef TOOLS_MEMBERLIST_H
#define TOOLS_MEMBERLIST_H

#include "tools/site/site.h"
#include "tools/site/sitepool.h"

enum {
    MEMBERLIST_ROWS = 500,
    MEMBERLIST_SLUG_ROOM = MEMBER_OPERATOR_ROOM + 17 /* an underscore and a sum */
};

enum result memberlist_put(struct site *site, const struct sitepool *pool);
/* The name of an operator's page. Names that differ in letter case only have the same. */
char *memberlist_slug(char out[MEMBERLIST_SLUG_ROOM], const char *operator_name);

#endif
