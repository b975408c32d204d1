/* Changes of which the engine has not said whether they were made. Each change is one from before
 * the engine is asked until it has said so: its command may be killed meanwhile. Later commands
 * find out what became of it, and say so once. Start from `{ 0 }`. */
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
    struct ledgerhead own; /* seq 0: this command has not asked yet */
    enum fleetdoubts_outcome own_outcome;
};

/* Those of commands that don't ask any more. */
void fleetdoubts_read(struct fleetdoubts *out, struct store_txn *registry);
/* Asks the engine, if there is something to ask. */
void fleetdoubts_settle(struct fleetdoubts *doubts, struct etcd *etcd,
                        const struct membership *membership);
/* Notes the change of that head in the registry, before the engine is asked for it. */
enum result fleetdoubts_begin(struct fleetdoubts *doubts, const struct ledgerhead *head,
                              const struct cli *cli, struct store *registry, struct diag *diag);
/* What agree said of it. A change that was made has its place: others that wanted it were not. */
void fleetdoubts_end(struct fleetdoubts *doubts, enum result agreed);
/* "was made" */
const char *fleetdoubts_text(enum fleetdoubts_outcome outcome);
/* Says on stderr what was found out. */
void fleetdoubts_tell(const struct fleetdoubts *doubts);
/* Writes what is left, if that is new. */
enum result fleetdoubts_write(const struct fleetdoubts *doubts, struct registry_change *change);
/* The same in a transaction of its own. */
enum result fleetdoubts_save(const struct fleetdoubts *doubts, struct store *registry,
                             struct diag *diag);

#endif
