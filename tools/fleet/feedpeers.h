/* Takes in what other machines say below e/: hellos, and what they counted. All of it is kept as
 * letters (zone/fleet/letters.h), of machines that are in the fleet. Not on a vantage point, which
 * has no use for them and no right to read them. */
#ifndef TOOLS_FEEDPEERS_H
#define TOOLS_FEEDPEERS_H

#include "tools/fleet/feeder.h"

enum {
    FEEDPEERS_PURGE_MS = 600000 /* between two looks for letters of machines that left */
};

extern const struct feeder_channel feedpeers_channel;

#endif
