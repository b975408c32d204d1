/* All rows of the ledger as of one revision: for a machine that joins, or that has missed changes.
 * The node that told the head hands out the rest from what it has, in narrow ranges, so that
 * neither side needs much memory for one reply. */
#ifndef TOOLS_JOINING_H
#define TOOLS_JOINING_H

#include "tools/fleet/taking.h"

struct joining;

struct joining *joining_new(struct etcd *etcd, const struct membership *membership);
void joining_free(struct joining *joining);
/* Moves on; call it after each etcd_turn. EXHAUSTED: under way. OK: `out` has all rows, for
 * taking_whole; the caller frees it. NOT_FOUND: the engine has no ledger. Else as at
 * etcdreply_failure. */
enum result joining_turn(struct joining *joining, struct taking_change *out, struct diag *diag);

/* Does it all, for commands. */
enum result joining_wait(struct etcd *etcd, const struct membership *membership,
                         struct taking_change *out, struct diag *diag);
/* Takes all rows into the registry, in a transaction of its own. As taking_whole. */
enum result joining_take(struct store *registry, const struct membership *membership,
                         const struct taking_change *rows, bool accept, struct diag *diag);

#endif
