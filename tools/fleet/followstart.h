/* How a machine begins to follow the ledger, by the head that the engine has. */
#ifndef TOOLS_FOLLOWSTART_H
#define TOOLS_FOLLOWSTART_H

#include "zone/ledger/ledgerhead.h"

enum followstart {
    FOLLOWSTART_LEVEL,      /* nothing is missing: watch from there on */
    FOLLOWSTART_RESUME,     /* watch from where this machine is */
    FOLLOWSTART_JOIN,       /* read all rows */
    FOLLOWSTART_LOOK_AGAIN, /* a command on this machine was faster than the engine's reply */
    FOLLOWSTART_LOST        /* the engine has lost changes that this machine has */
};

/* `before`: where this machine was when it asked. `mine`: where it is now; of seq 0 if nowhere. */
enum followstart followstart_of(const struct ledgerhead *before,
                                const struct ledgerhead_position *mine,
                                const struct ledgerhead_position *found);

#endif
