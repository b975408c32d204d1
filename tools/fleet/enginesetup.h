/* Users and rights of the engine. Each machine is a user, known by its certificate; what it may
 * read follows from its role, and it writes its own keys alone. Admins have all rights: they hold
 * the CA's key. All of it may be done again at any time. */
#ifndef TOOLS_ENGINESETUP_H
#define TOOLS_ENGINESETUP_H

#include "tools/fleet/membership.h"

/* Makes the engine ask for users: the admin of `membership`, the roles, and `root`, without which
 * etcd asks for none. */
enum result enginesetup_begin(struct etcd *etcd, const struct membership *membership,
                              struct diag *diag);
/* Lets that machine in. */
enum result enginesetup_add(struct etcd *etcd, const struct membership *membership,
                            const char *name, enum machine_role role, struct diag *diag);
/* Takes its rights. Connections that it has go on until they end. */
enum result enginesetup_remove(struct etcd *etcd, const char *name, struct diag *diag);

#endif
