/* status on a machine that only probes: it has the pool's feed and the vantage points' journals,
 * but no store. */
#ifndef TOOLS_VANTAGESTATUS_H
#define TOOLS_VANTAGESTATUS_H

#include "tools/cli.h"

/* True if the state directory belongs to such a machine. */
bool vantagestatus_applies(const struct cli *cli);
/* Prints the status. Returns the exit status. */
int vantagestatus_print(struct cli *cli);

#endif
