/* Changes of which the engine had not said whether they were made: finds it out, and says so once.
 * Start from `{ 0 }`. */
#ifndef TOOLS_FLEETDOUBTS_H
#define TOOLS_FLEETDOUBTS_H

#include "tools/cli.h"
#include "tools/fleet/membership.h"
#include "zone/registry/registry_doubts.h"

enum fleetdoubts_outcome {
    FLEETDOUBTS_OPEN, /* its place is free, or the engine does not answer */
    FLEETDOUBTS_MADE,
    FLEETDOUBTS_NOT_MADE, /* and never will be */
    FLEETDOUBTS_LOST      /* the engine no longer knows */
};

struct fleetdoubts {
    struct doubts doubts;
    enum fleetdoubts_outcome outcomes[DOUBTS_MAX];
    struct doubts fresh; /* of this command */
};

void fleetdoubts_read(struct fleetdoubts *out, struct store_txn *registry);
/* Asks the engine, if there is something to ask. */
void fleetdoubts_settle(struct fleetdoubts *doubts, struct etcd *etcd,
                        const struct membership *membership);
/* The place of that head is taken by it: another change that wanted it was not made. */
void fleetdoubts_place(struct fleetdoubts *doubts, const struct ledgerhead *head);
/* The outcome of this change is not known. */
void fleetdoubts_add(struct fleetdoubts *doubts, const struct ledgerhead *head,
                     const struct cli *cli);
/* "was made" */
const char *fleetdoubts_text(enum fleetdoubts_outcome outcome);
/* Says on stderr what was found out. */
void fleetdoubts_tell(const struct fleetdoubts *doubts);
/* Writes to the registry what is left, if that is new. */
enum result fleetdoubts_write(const struct fleetdoubts *doubts, struct store *registry,
                              struct diag *diag);

#endif
