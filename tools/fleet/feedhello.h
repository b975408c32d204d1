/* Says hello (zone/fleet/hello.h), and acknowledges what this machine has applied of the ledger
 * (zone/fleet/ack.h). */
#ifndef TOOLS_FEEDHELLO_H
#define TOOLS_FEEDHELLO_H

#include "tools/fleet/feeder.h"

enum {
    FEEDHELLO_MOVED_MS = 10000, /* between two hellos of a machine whose position moves */
    FEEDHELLO_ACK_MS = 200,     /* between two acks, of a fleet of few machines: */
    FEEDHELLO_ACKS_S = 50       /* all machines together send no more in a second */
};

extern const struct feeder_channel feedhello_channel;

#endif
