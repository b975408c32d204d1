/* A change of the ledger, taken into this machine's registry: head, rows, root and position in one
 * transaction, or nothing.
 *
 * The engine is trusted with nothing. A head counts if it is the next of the chain, an admin's whom
 * this machine knows, and if the root of all rows is then the one that it tells. */
#ifndef TOOLS_TAKING_H
#define TOOLS_TAKING_H

#include "tools/fleet/membership.h"
#include "tools/fleet/rowset.h"
#include "zone/registry/registry_ledger.h"

/* One change, or all rows as of one revision. */
struct taking_change {
    struct ledgerhead_position after;
    struct rowset rows;
};

void taking_free(struct taking_change *change);

/* Takes the change in `change->txn`, after those that were taken in it already. The caller commits,
 * or aborts after a failure.
 *
 *   EXISTS   it was taken before: nothing is to be done
 *   STALE    changes before it are missing: read all rows anew
 *   REFUSED  it is forged: no admin's whom this machine knows, or another pool's
 *   DAMAGED  the engine has lost changes that this machine has, or others in their place; or the
 *            rows are not those that the head tells
 *   NEWER    a newer ntspool made it: this one keeps what it has */
enum result taking_next(struct registry_change *change, const struct membership *membership,
                        const struct taking_change *taken);
/* The same for several changes in one transaction: a step for each, then the end. Each head must be
 * an admin's and the next of the chain. The root is compared at the end, with that of the last
 * head; and at once if machines were changed, since the next head counts by them. */
enum result taking_step(struct registry_change *change, const struct membership *membership,
                        const struct taking_change *taken);
enum result taking_end(struct registry_change *change);
/* All rows. Machines that this one does not know yet prove by vouchers that they are admins. A
 * ledger of a new epoch that lacks changes that this machine has (the engine was made anew from an
 * older copy) is REFUSED unless `accept`. */
enum result taking_whole(struct registry_change *change, const struct membership *membership,
                         const struct taking_change *taken, bool accept);

/* True if the ledger was made anew from a copy that lacks changes which a machine at `mine` has. */
bool taking_lacks(const struct ledgerhead *mine, const struct taking_change *taken);

/* DAMAGED, in words: the engine has lost what this machine has. */
enum result taking_lost(struct diag *diag);

#endif
