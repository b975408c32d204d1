/* Room in the engine, and its alarms. A machine that is in foreign hands can fill the engine up to
 * its quota, or raise the alarm that says so, or the one that says that a node is damaged: then no
 * change is made any more. Admins cure that here. */
#ifndef TOOLS_ENGINESPACE_H
#define TOOLS_ENGINESPACE_H

#include "tools/fleet/membership.h"

/* Ends all alarms. A node that is still full raises it again. */
enum result enginespace_disarm(struct etcd *etcd, struct diag *diag);
/* Deletes all that the machine has put into the engine, and what lies there for it. A full engine
 * does that, too. */
enum result enginespace_clear(struct etcd *etcd, const struct membership *membership,
                              const char *name, struct diag *diag);
/* Gives back the room of what was deleted, on all nodes that answer, and ends the alarms. Machines
 * that are behind read all rows anew. A node answers nobody meanwhile. */
enum result enginespace_regain(struct etcd *etcd, const struct membership *membership,
                               struct diag *diag);

#endif
