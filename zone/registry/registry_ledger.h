/* Where this machine's copy of a fleet's ledger stands: the digests of its rows, their root, and
 * the position. They change in one transaction with the rows, so that a machine always knows which
 * state it has. A machine that is in no fleet has none of them. */
#ifndef ZONE_REGISTRY_LEDGER_H
#define ZONE_REGISTRY_LEDGER_H

#include "zone/ledger/ledgerhead.h"
#include "zone/registry/registry_fleet.h"

/* NOT_FOUND: this machine is in no fleet. DAMAGED, NEWER. */
enum result registry_position(struct store_txn *txn, struct ledgerhead_position *out);
enum result registry_put_position(struct registry_change *change,
                                  const struct ledgerhead_position *position);
/* Notes, for all machines, which was the last change in the copy of which the ledger is made anew.
 */
enum result registry_put_began(struct registry_change *change, uint64_t seq);
/* 0: this ledger is its pool's first. */
uint64_t registry_began_after(struct store_txn *txn);
/* True if the row has that note. */
bool registry_began(const struct registry_fleet_row *row, uint64_t *seq);
/* This machine leaves the fleet: its rows stay, digests and position go. */
enum result registry_drop_position(struct registry_change *change);

/* Makes the digests of all rows that are here anew. */
enum result registry_ledger_build(struct registry_change *change);
/* Notes rows that were just written or taken; the last word about a row counts. */
enum result registry_ledger_note(struct registry_change *change,
                                 const struct registry_fleet_row *rows, size_t count);
/* The root of all rows, by their digests. */
enum result registry_ledger_root(struct store_txn *txn, struct ledgerrow_digest *out);

#endif
