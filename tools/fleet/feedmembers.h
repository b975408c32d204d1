/* On a vantage point: writes the list of members for the probe (zone/verdicts/feed.h), as ntspoold
 * does where it runs. */
#ifndef TOOLS_FEEDMEMBERS_H
#define TOOLS_FEEDMEMBERS_H

#include "tools/fleet/feeder.h"

enum {
    FEEDMEMBERS_MS = 300,        /* between two lists */
    FEEDMEMBERS_REST = 100,      /* ... and so many times as long as one takes to make */
    FEEDMEMBERS_CHECK_MS = 60000 /* it is looked at also without a change: it may be removed */
};

extern const struct feeder_channel feedmembers_channel;

#endif
