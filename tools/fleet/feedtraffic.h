/* What this machine was asked for and has answered, on its way to the others: its demand each
 * minute, and the answers of its members' slices, each once an hour (zone/steering/tally.h). What
 * the others say comes with their letters (zone/fleet/fleettraffic.h). */
#ifndef TOOLS_FEEDTRAFFIC_H
#define TOOLS_FEEDTRAFFIC_H

#include "tools/fleet/feeder.h"

enum {
    FEEDTRAFFIC_MS = 60000,
    FEEDTRAFFIC_SLICES = 4 /* in a minute at most: after a start, one catches up */
};

/* Of machines that answer: edges and admins that have state/traffic. */
extern const struct feeder_channel feedtraffic_channel;

#endif
