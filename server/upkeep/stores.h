/* The stores of a running server, and what it can do with them. */
#ifndef SERVER_STORES_H
#define SERVER_STORES_H

#include "zone/base/log.h"
#include "zone/store/store.h"

struct stores {
    struct store *registry, *health, *keys;
    /* NULL: what is counted is forgotten; samples of probes are dropped. */
    struct store *traffic, *history;
    /* Verdicts can be written, so reports are taken in. */
    bool takes_in;
    /* Keys can be written, so they are moved on. */
    bool keeps;
};

/* Opens all stores of the state. What can't be written is said by `log`, and done without. Whatever
 * comes of it, stores_close ends it. */
enum result stores_open(struct stores *out, const char *state_dir, log_sink *log,
                        struct diag *diag);
void stores_close(struct stores *stores);
/* Number of members; 0 if it can't be told. */
size_t stores_members(const struct stores *stores);

#endif
