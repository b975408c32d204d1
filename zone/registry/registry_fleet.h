/* The registry's rows that all machines of a fleet share: what a change wrote of them, and how they
 * are taken over elsewhere.
 *
 * Shared are settings, members, tombstones, vantage points, machines, and the nodes with records of
 * their own. All else follows from these and is made anew where they are taken: owners of
 * addresses, the nodes of members, of the service, of regions and of _whoami. The audit trail and
 * the log of changed names are each machine's own. */
#ifndef ZONE_REGISTRY_FLEET_H
#define ZONE_REGISTRY_FLEET_H

#include "zone/ledger/ledgerrow.h"
#include "zone/registry/registry.h"

/* What a write transaction touched: keys only. Starts from `{ 0 }`. */
struct registry_fleet {
    struct registry_fleet_note {
        enum ledgerrow_kind kind;
        bool shared; /* before the transaction touched it first */
        size_t at, len;
    } * notes;
    size_t count, room;
    uint8_t *octets;
    size_t octets_len, octets_room;
};

struct registry_fleet_row {
    struct ledgerrow_name name;
    bool gone;
    struct octets value; /* of a row that is not gone */
};

/* Notes from now on what the transaction touches. `fleet` must live as long as it. */
void registry_fleet_note(struct registry_fleet *fleet, struct store_txn *txn);
void registry_fleet_free(struct registry_fleet *fleet);

/* Ends the change short of the commit, as registry_commit would (the serial moves on), and visits
 * the shared rows that it touched, each once and as it is now, in order (ledgerrow_order). */
typedef enum result registry_fleet_visit(const struct registry_fleet_row *row, void *arg);
enum result registry_fleet_collect(struct registry_fleet *fleet, struct registry_change *change,
                                   registry_fleet_visit *visit, void *arg);
/* Visits all shared rows, by table. */
enum result registry_fleet_each(struct store_txn *txn, registry_fleet_visit *visit, void *arg);

/* Takes rows over, of one change or of several: the last word about a row counts. `whole`: they are
 * all rows, so that others go. Rows that are as here already are left alone, so that no cached
 * answer is dropped for them. Ends the change short of the commit; the serial is that of the rows.
 * REFUSED if they are of another zone, DAMAGED or NEWER if one can't be read. */
enum result registry_fleet_take(struct registry_change *change,
                                const struct registry_fleet_row *rows, size_t count, bool whole);

#endif
