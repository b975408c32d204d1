/* The daemons of the state on this machine, in `ntspool status`. */
#ifndef TOOLS_RUNSHOW_H
#define TOOLS_RUNSHOW_H

#include <jansson.h>

#include "zone/overview/runview.h"

/* Null if this user may not know. */
json_t *runshow_server(const struct runview *view);
json_t *runshow_probes(const struct runview *view);
/* Print one line each. */
void runshow_print_server(const json_t *server);
void runshow_print_probes(const json_t *probes);

#endif
