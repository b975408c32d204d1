/* status on a machine that only probes: it has the pool's feed and journals of vantage points, and
 * no store. */
#ifndef TOOLS_VANTAGESTATUS_H
#define TOOLS_VANTAGESTATUS_H

#include "tools/cli.h"

/* True if the state directory is that of such a machine. */
bool vantagestatus_applies(const struct cli *cli);
/* Prints it; the exit status. */
int vantagestatus_print(struct cli *cli);

#endif
