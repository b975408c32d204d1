/* What the operator of a new member has to know and to do: `member welcome`. */
#ifndef TOOLS_MEMBERWELCOME_H
#define TOOLS_MEMBERWELCOME_H

#include <jansson.h>

#include "zone/registry/registry.h"

/* The text, to be freed. Commands and lines of configuration are exact. REFUSED if no CA may issue
 * for the member's name. */
enum result memberwelcome_text(const struct member *member, const struct settings *settings,
                               char **out, struct diag *diag);
/* The same for who wants to join: steps only, for the name `NAME` in the pool. */
enum result memberwelcome_steps(const struct settings *settings, char **out, struct diag *diag);
/* The text as a JSON object, with a subject, and the CAs and methods that the name's CAA allows
 * (null for a name of its own). Frees the text. */
json_t *memberwelcome_json(const struct member *member, const struct settings *settings,
                           char *text);

#endif
