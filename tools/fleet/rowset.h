/* Rows of the ledger that are kept: what a change writes, or what was read of the engine. Starts
 * from `{ 0 }`. */
#ifndef TOOLS_ROWSET_H
#define TOOLS_ROWSET_H

#include "tools/fleet/etcdreply.h"
#include "zone/registry/registry_fleet.h"

struct rowset {
    struct registry_fleet_row *list;
    size_t count, room;
    size_t octets;               /* of all values */
    struct rowset_chunk *chunks; /* of names and values, the newest first */
};

void rowset_free(struct rowset *rows);
/* Copies the row. */
void rowset_add(struct rowset *rows, const struct registry_fleet_row *row);
/* A row of the engine, or one that is gone there. `prefix` is the fleet's. DAMAGED if the key is
 * not one of a row; NEWER. */
enum result rowset_add_reply(struct rowset *rows, const char *prefix,
                             const struct etcdreply_row *row, bool gone, struct diag *diag);
/* As a visitor of registry_fleet_collect and registry_fleet_each; `arg` is the set. */
enum result rowset_visit(const struct registry_fleet_row *row, void *arg);

#endif
