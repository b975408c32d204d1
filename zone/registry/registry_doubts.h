/* Changes of the ledger that this machine asks for, noted before the engine is asked, and kept
 * until it has said whether they were made. One row of TABLE_META. */
#ifndef ZONE_REGISTRY_DOUBTS_H
#define ZONE_REGISTRY_DOUBTS_H

#include "zone/ledger/ledgerhead.h"
#include "zone/registry/registry.h"

enum {
    DOUBTS_MAX = 4,
    DOUBT_COMMAND_ROOM = 128
};

struct doubt {
    struct ledgerhead head;
    uint32_t asked_by; /* the process that perhaps still asks; 0 if it has given up */
    char command[DOUBT_COMMAND_ROOM]; /* that asked for it, cut off if it is longer */
};

struct doubts {
    unsigned count;
    struct doubt list[DOUBTS_MAX]; /* oldest first */
};

/* None if the row can't be read: a newer program wrote it, or it is damaged. */
void registry_doubts(struct store_txn *txn, struct doubts *out);
/* Adds one; the oldest of DOUBTS_MAX is forgotten for it. */
void registry_doubts_add(struct doubts *doubts, const struct ledgerhead *head, uint32_t asked_by,
                         const char *command);
/* The one with that change's id, or NULL. */
struct doubt *registry_doubts_find(struct doubts *doubts, const struct ledgerhead *head);
void registry_doubts_drop(struct doubts *doubts, unsigned i);
enum result registry_put_doubts(struct registry_change *change, const struct doubts *doubts);

#endif
