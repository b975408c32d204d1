/* Verdicts of the vantage points of other machines: their reports are taken in as those of an
 * import (zone/verdicts/intake.h). Who may report, the registry says; who brings a report, does not
 * count. Of each machine no more is taken than VERDICTS_OCTETS allow: the rest is dropped, and the
 * verdicts in it come again within FORWARD_REFRESH_S. */
#ifndef TOOLS_VERDICTSIN_H
#define TOOLS_VERDICTSIN_H

#include "tools/fleet/verdictsout.h"

enum {
    VERDICTSIN_GATHER_MS = 100, /* reports that are taken in together */
    VERDICTSIN_PAUSE_MS = 5000  /* after a failure of a store, then all is read anew */
};

/* Of edges and admins that have state/health: a vantage point needs no verdicts of others, and has
 * no right to read them. */
extern const struct feeder_channel verdictsin_channel;

#endif
