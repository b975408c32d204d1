/* The options of `member add` and `member set` that describe a member. */
#ifndef TOOLS_MEMBEROPTIONS_H
#define TOOLS_MEMBEROPTIONS_H

#include "tools/cli.h"
#include "zone/registry/member.h"

/* Copies what is given to the member. */
enum result memberoptions_fill(struct cli *cli, struct member *member);
/* Clears fields, before memberoptions_fill sets others. A member has a target or addresses, so that
 * setting one clears the other. */
void memberoptions_clear(const struct cli *cli, struct member *member);
/* An option that sets a field which `*other` clears; NULL if there is none. */
const char *memberoptions_contradiction(const struct cli *cli, const char **other);

#endif
