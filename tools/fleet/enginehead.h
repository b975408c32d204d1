/* The head that the engine has, for commands. */
#ifndef TOOLS_ENGINEHEAD_H
#define TOOLS_ENGINEHEAD_H

#include "tools/fleet/membership.h"

/* As of now: a majority of the nodes has agreed. Nobody has checked its signature. NOT_FOUND if
 * there is no ledger; else as at etcdreply_failure. */
enum result enginehead_read(struct etcd *etcd, const struct membership *membership,
                            struct ledgerhead_position *out, struct diag *diag);

#endif
