/* Packages of keys on their way between ntspoold of this machine and the engine
 * (zone/fleet/keyfiles.h). Nothing here can open them. */
#ifndef TOOLS_FEEDKEYS_H
#define TOOLS_FEEDKEYS_H

#include "tools/fleet/feeder.h"

enum {
    FEEDKEYS_GLANCE_MS = 100, /* between two looks at when their directory was changed, */
    FEEDKEYS_LOOK_MS = 1000   /* ... and at the files if it was not */
};

extern const struct feeder_channel feedkeys_channel;

#endif
