/* Whether ntspoold runs on a state, and whether the keys could be opened: for `status`. */
#ifndef TOOLS_RUNVIEW_H
#define TOOLS_RUNVIEW_H

#include <jansson.h>

#include "dnssec/rollover/key_timeline.h"
#include "tools/cli.h"

/* What runs, as JSON: running, pid, since, heartbeat, version. A server that does not run is warned
 * of. */
json_t *runview_server(const struct cli *cli, json_t *warnings);
/* One line of it. */
void runview_print(const json_t *server);
/* Warns of a sealing key that is missing or opens none of the keys. */
void runview_seal(const struct cli *cli, const struct key_timeline *timeline, bool server_runs,
                  json_t *warnings);

#endif
