/* Registers a new member: `member add` and `member admit`. */
#ifndef TOOLS_MEMBERADD_H
#define TOOLS_MEMBERADD_H

#include <jansson.h>

#include "tools/session.h"

/* Adds the member, or only checks that it can be added. Sets its number and times, and the
 * settings of the pool. The options are those of `member add`. */
enum result memberadd(struct cli *cli, struct member *member, bool dry, struct settings *settings);
/* Prints the member, or with --json the object, to which it adds `more` (may be NULL; is freed),
 * and what comes next. */
void memberadd_tell(const struct cli *cli, const struct member *member,
                    const struct settings *settings, json_t *more);

#endif
