/* The stores of a running server. */
#ifndef SERVER_STORES_H
#define SERVER_STORES_H

#include "server/upkeep/fleetstore.h"

struct stores {
    struct store *registry, *health, *keys;
    /* NULL: counts are not kept, samples of probes are dropped. */
    struct store *traffic, *history;
    struct fleetstore *fleet;
    /* state/health can be written, so reports are taken in. */
    bool takes_in;
    /* state/keys can be written, so keys are rolled. */
    bool rolls_keys;
};

/* How a server uses a store. */
struct store_use {
    enum store_kind kind;
    bool needed;         /* no start without it */
    bool made;           /* it is made if it is missing or damaged */
    const char *without; /* what the server lacks if it can't write it; NULL: it only reads it */
};
extern const struct store_use stores_uses[STORE_KINDS_ALONE];

/* Opens all stores of the state. Logs each store that can't be written; the server does without.
 * Needs stores_close, also after a failure. */
enum result stores_open(struct stores *out, const char *state_dir, log_sink *log,
                        struct diag *diag);
void stores_close(struct stores *stores);
/* Number of members; 0 if the registry can't be read. */
size_t stores_members(const struct stores *stores);

#endif
