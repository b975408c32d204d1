/* For `status`: whether ntspoold runs on the state, and whether the seal opens the keys. */
#ifndef TOOLS_RUNVIEW_H
#define TOOLS_RUNVIEW_H

#include <jansson.h>

#include "dnssec/rollover/key_timeline.h"
#include "tools/cli.h"
#include "zone/base/concern.h"

/* The server as JSON: running, pid, since, heartbeat, version. Warns if it does not run or hangs.
 */
json_t *runview_server(const struct cli *cli, struct concerns *concerns);
/* Prints one line on the server. */
void runview_print(const json_t *server);
/* Warns if the sealing key is missing or does not open the keys. */
void runview_seal(const struct cli *cli, const struct key_timeline *timeline, bool server_runs,
                  struct concerns *concerns);

#endif
