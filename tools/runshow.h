/* The daemons of the state on this machine, and what they use, in `ntspool status`. */
#ifndef TOOLS_RUNSHOW_H
#define TOOLS_RUNSHOW_H

#include <jansson.h>

#include "zone/overview/supplies.h"

/* Null if this user may not know. */
json_t *runshow_server(const struct runview *view);
json_t *runshow_probes(const struct runview *view);
/* Sets `disk_free_bytes`, `locations_at` and `backup_at`. */
void runshow_supplies(json_t *out, const struct supplies *supplies);
/* Print one line each. */
void runshow_print_server(const json_t *server);
void runshow_print_probes(const json_t *probes);

#endif
