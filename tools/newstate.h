/* The state directory of a new pool, or of a machine that joins a fleet, before it holds anything.
 * What is there already stays, so an interrupted run is repeated. */
#ifndef TOOLS_NEWSTATE_H
#define TOOLS_NEWSTATE_H

#include "tools/keysession.h"

/* Makes the directory and the stores of a machine that probes; with `answers`, also the one of
 * keys, and the seal. */
enum result newstate_make(struct cli *cli, bool answers);
/* Makes the machine one whose keys come from another, unless it has keys. */
enum result newstate_follow(struct cli *cli);
/* The first cookie secret of a server. */
enum result newstate_cookie_secret(struct store_txn *keys, const struct seal *seal,
                                   struct diag *diag);

#endif
