/* A change of the ledger, at the engine: all its rows and the next head, or nothing. It is agreed
 * if the head is still the one that this machine has; so changes of several machines have one
 * order, and each was made with the state before it in view.
 *
 * The engine compares the head octet by octet, and each head has a random id. So a request whose
 * outcome is unknown is simply sent again: it can't be made twice. */
#ifndef TOOLS_AGREE_H
#define TOOLS_AGREE_H

#include "tools/fleet/taking.h"

#define AGREE_HEAD_KEY "r/head" /* below the fleet's prefix */

/* Of one change. Nodes are told to accept as much: --max-txn-ops AGREE_OPERATIONS and
 * --max-request-bytes AGREE_REQUEST. */
enum {
    AGREE_ROWS_MAX = 8192,
    AGREE_OPERATIONS = AGREE_ROWS_MAX + 8,
    AGREE_REQUEST = 4 << 20,
    AGREE_OCTETS_MAX = AGREE_REQUEST - 65536, /* of keys and values */
    AGREE_WAIT_MS = 8000
};

/* The next head after `before`, signed. `before` of seq 0 begins the ledger; then the epoch is the
 * one of `before`. */
void agree_head(struct ledgerhead *out, const struct membership *membership,
                const struct ledgerhead *before, const struct ledgerrow_digest *root, uint64_t now);
/* Reads the value of AGREE_HEAD_KEY. NEWER or DAMAGED, with words. */
enum result agree_decode_head(struct ledgerhead *out, struct octets value, struct diag *diag);
/* TOO_LONG, with words, if the rows are too many for one change. */
enum result agree_check(const struct rowset *rows, struct diag *diag);

/* Asks until it is known, at most AGREE_WAIT_MS. `change` has the rows and, in `after`, the head;
 * `after` becomes the position of a machine that has taken it. The caller has no transaction open.
 *
 *   STALE        another change was first; nothing was changed
 *   UNCERTAIN    nobody has said whether it was made: agree_find will
 *   DAMAGED      the engine has lost changes, or has others than this machine; nothing was changed
 *   UNREACHABLE, REFUSED, FULL, TOO_LONG: as at etcdreply_failure; nothing was changed */
enum result agree(struct etcd *etcd, const struct membership *membership,
                  const struct ledgerhead *before, struct taking_change *change, struct diag *diag);

/* Finds out whether the change with that head was made: OK, or NOT_FOUND if it was not and never
 * will be, since another has its place. UNCERTAIN if its place is still free, or if the engine does
 * not say; EXHAUSTED if it no longer knows. */
enum result agree_find(struct etcd *etcd, const struct membership *membership,
                       const struct ledgerhead *head, struct ledgerhead_position *out,
                       struct diag *diag);

#endif
