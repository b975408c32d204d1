/* Room in the engine. A machine that is in foreign hands can fill it up to its quota, or raise the
 * alarm that says so: then no change is made any more. Admins cure that here. */
#ifndef TOOLS_ENGINESPACE_H
#define TOOLS_ENGINESPACE_H

#include "tools/fleet/membership.h"

/* Deletes all that the machine has put into the engine, and what lies there for it. Works in a full
 * one, too. */
enum result enginespace_clear(struct etcd *etcd, const struct membership *membership,
                              const char *name, struct diag *diag);
/* Gives back the room of what was deleted, on all nodes that answer, and ends the alarms. Machines
 * that are behind read all rows anew. Takes a second for each 100 MB, in which a node answers
 * nobody. */
enum result enginespace_regain(struct etcd *etcd, const struct membership *membership,
                               struct diag *diag);

#endif
