/* Which names of the registry may have changed since the view was built, for a batch with a newer snapshot: by marks of their keys' hashes, so that
 * one that is not marked has not. One a worker. */
#ifndef SERVER_CHANGED_H
#define SERVER_CHANGED_H

#include "server/state/view.h"

enum {
    CHANGED_MARKS = 1024
};

struct changed {
    uint64_t view_number, version; /* of the registry's snapshot */
    bool all;                      /* it can't be told which */
    uint64_t marks[CHANGED_MARKS / 64];
};

/* Brings it up to date; does nothing where view and snapshot are those of before. */
void changed_follow(struct changed *changed, const struct view *view, struct store_txn *registry);
/* By the name's dname_key_hash. */
bool changed_may_be(const struct changed *changed, uint64_t hash);

#endif
