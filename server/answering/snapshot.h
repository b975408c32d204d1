/* What a worker answers one batch of queries from: a zone state, a read transaction on the
 * registry, and what belongs to the two. One per worker.
 *
 * After a commit the transaction is newer than the zone state until the refresher has built the
 * next one. The snapshot reads from the registry's change log (registry_changes) which names
 * changed in between. */
#ifndef SERVER_SNAPSHOT_H
#define SERVER_SNAPSHOT_H

#include "server/answering/answer_cache.h"
#include "server/state/counters.h"

enum {
    SNAPSHOT_MARKS = 1024
};

/* The names that may have changed since the zone state was built, as marks of their keys' hashes. A
 * name whose hash is not marked has not changed. */
struct change_filter {
    uint64_t zone_number; /* of the zone state */
    uint64_t version;     /* of the registry, up to which the change log was read for it */
    bool all;             /* the change log does not reach back far enough */
    uint64_t marks[SNAPSHOT_MARKS / 64];
};

/* The owner sets the first seven fields, then calls snapshot_begin. */
struct snapshot {
    struct zone_state *zone;
    struct counters *counters; /* of that zone state */
    struct store_txn *registry;
    struct signer *signer;         /* with the keys of the zone state, */
    struct signer *limited_signer; /* too; has a budget, for what any client can make up: compact
                                    * denials of missing names, whoami.h */
    uint64_t now;                  /* Unix seconds */
    struct answer_reader *cache;
    struct change_filter changed;
};

/* Begins a batch. Tells the cache which names have changed, unless another worker did. */
void snapshot_begin(struct snapshot *snapshot);
void snapshot_end(struct snapshot *snapshot);
/* True if the name with this dname_key_hash may have changed since the zone state was built. */
bool snapshot_may_differ(const struct snapshot *snapshot, uint64_t hash);

#endif
