/* The begin of a ledger: this machine's registry is put into an engine that has none. */
#ifndef TOOLS_FOUNDING_H
#define TOOLS_FOUNDING_H

#include "tools/fleet/agree.h"

/* `before`: seq 0 and the epoch. `registry` is open for writing, without a transaction. Afterwards
 * this machine has a position, so its changes are those of the fleet. An interrupted run may be
 * repeated. `count` gets the number of rows.
 *
 * REFUSED if the engine has another ledger; STALE if the registry changes all the time; else as at
 * etcdreply_failure. */
enum result founding_put(struct etcd *etcd, const struct membership *membership,
                         struct store *registry, const struct ledgerhead *before, size_t *count,
                         struct diag *diag);

#endif
