/* The stores of the state: how full they are, and who may change them. */
#ifndef ZONE_STOREVIEW_H
#define ZONE_STOREVIEW_H

#include "zone/base/concern.h"
#include "zone/store/store.h"

/* A store that the caller has open. */
struct storeview_source {
    struct store *store;
    struct store_txn *txn; /* NULL: it can't be read, for the reason in `error` */
    struct diag error;     /* "": the caller does without it */
};

struct storeview {
    bool readable;
    struct store_usage usage;
    unsigned used_percent; /* of the map */
    struct diag error;
};

/* False of the store of a fleet, if the machine has none. */
bool storeview_applies(const struct storeview *view, enum store_kind kind);

/* Looks at each store, and warns. */
void storeview_read(struct storeview out[STORE_KINDS], const char *state_dir,
                    const struct storeview_source sources[STORE_KINDS], struct concerns *concerns);

#endif
