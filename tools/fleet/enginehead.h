/* The head that the engine has. */
#ifndef TOOLS_ENGINEHEAD_H
#define TOOLS_ENGINEHEAD_H

#include "tools/fleet/membership.h"

/* Asks for it as of now. The reply is that of a range. */
struct etcd_call *enginehead_ask(struct etcd *etcd, const struct membership *membership);
/* For commands. As of now: a majority of the nodes has agreed. Nobody has checked its signature.
 * NOT_FOUND if there is no ledger; else as at etcdreply_failure. */
enum result enginehead_read(struct etcd *etcd, const struct membership *membership,
                            struct ledgerhead_position *out, struct diag *diag);

#endif
