/* status on a machine that only probes: it has the pool's feed and the vantage points' journals,
 * but no store. */
#ifndef TOOLS_VANTAGESTATUS_H
#define TOOLS_VANTAGESTATUS_H

#include <jansson.h>

#include "tools/cli.h"
#include "zone/base/concern.h"

/* True if the state directory belongs to such a machine. */
bool vantagestatus_applies(const struct cli *cli);
/* The status as JSON, and its warnings. */
enum result vantagestatus_make(const struct cli *cli, json_t **out, struct concerns *concerns,
                               struct diag *diag);
/* Prints what vantagestatus_make made, without the warnings. */
void vantagestatus_print(const struct cli *cli, const json_t *out);

#endif
