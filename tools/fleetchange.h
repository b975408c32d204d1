/* A command's change of the registry on a machine of a fleet: the engine agrees to it before it is
 * made here. Nothing is held while the engine is asked: the transaction is given up, and its rows
 * are taken as any other machine takes them. */
#ifndef TOOLS_FLEETCHANGE_H
#define TOOLS_FLEETCHANGE_H

#include "zone/base/result.h"

struct cli;
struct session;
struct store_txn;
struct fleetchange;

enum {
    FLEETCHANGE_TRIES = 4, /* calls of a command whose change others forestall */
    FLEETCHANGE_CATCH_UP_MS = 5000
};

/* Begins with the transaction, and notes what it writes. `*out` is NULL on a machine that is in no
 * fleet, or in one that begins. REFUSED with words on a machine that may not change the pool. */
enum result fleetchange_begin(struct fleetchange **out, struct cli *cli,
                              struct store_txn *registry);
/* Ends the session's change of the registry.
 *
 *   STALE      another change was first. If cli->again, the command is to be called once more
 *   UNCERTAIN  it is not known whether the change was made
 *   any other  nothing was changed */
enum result fleetchange_commit(struct session *session, struct cli *cli);
void fleetchange_free(struct fleetchange *fleet);

#endif
