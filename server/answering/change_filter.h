/* Which names of the registry may have changed since the view was built, for a batch with a newer
 * snapshot: by marks of their keys' hashes, so that one that is not marked has not. One a
 * worker. */
#ifndef SERVER_CHANGE_FILTER_H
#define SERVER_CHANGE_FILTER_H

#include "server/state/zone_state.h"

enum {
    CHANGE_FILTER_MARKS = 1024
};

struct change_filter {
    uint64_t zone_state_number, version; /* of the registry's snapshot */
    bool all;                            /* it can't be told which */
    uint64_t marks[CHANGE_FILTER_MARKS / 64];
};

/* Brings it up to date; does nothing where view and snapshot are those of before. */
void change_filter_follow(struct change_filter *changed, const struct zone_state *zone,
                          struct store_txn *registry);
/* By the name's dname_key_hash. */
bool change_filter_may_be(const struct change_filter *changed, uint64_t hash);

#endif
