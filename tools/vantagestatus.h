/* status on a machine that only probes. */
#ifndef TOOLS_VANTAGESTATUS_H
#define TOOLS_VANTAGESTATUS_H

#include <jansson.h>

#include "tools/cli.h"
#include "zone/overview/localview.h"

/* True if this machine is one: it has the feed of a pool and no registry, or its fleet says so. */
bool vantagestatus_applies(const struct cli *cli);
/* The status without the warnings. */
json_t *vantagestatus_json(const struct localview *view, const char *state_dir);
/* Prints what vantagestatus_json made. */
void vantagestatus_print(const struct cli *cli, const json_t *out);

#endif
