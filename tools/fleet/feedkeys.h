/* Packages of keys on their way between ntspoold of this machine and the engine
 * (zone/fleet/keyfiles.h). Nothing here can open them. */
#ifndef TOOLS_FEEDKEYS_H
#define TOOLS_FEEDKEYS_H

#include "tools/fleet/feeder.h"

enum {
    FEEDKEYS_LOOK_MS = 1000 /* between two looks at the files */
};

extern const struct feeder_channel feedkeys_channel;

#endif
