/* A cache of RRsets in wire form with their signatures: members' A, AAAA and CAA, and NSECs. All
 * workers share it. A worker reads it without a lock, and without a store but to note now and then
 * that an entry is in use or still valid. Who misses makes the entry. An entry never changes; it is
 * replaced, and its memory used again when no worker is in a batch that began before
 * (server/answering/answer_heap.h).
 *
 * The store stays the truth. Workers answer from snapshots, and these are not of the same version:
 * an entry may be older or newer than the snapshot that it is found from. Each entry says of which
 * version it was made. The cache knows for each name a version up to which it may have changed,
 * `changed`. The rule: an entry is valid for a snapshot if changed <= both their versions. For then
 * the name is the same in both, as long as the cache knows all changes up to the later of the two.
 * It does: a worker that begins a batch tells it those up to its own version
 * (server/answering/snapshot.h), before it reads or makes an entry. `changed` is kept for sets of
 * names, so a few others' entries are made anew too.
 *
 * An entry made for another zone state is used as long as its sources are the same: settings and
 * keys (zone_state.style) and the addresses left out. */
#ifndef SERVER_ANSWER_CACHE_H
#define SERVER_ANSWER_CACHE_H

#include "server/answering/answer_entry.h"

enum {
    ANSWER_CACHE_WAYS = 8,
    ANSWER_CACHE_SETS_MIN = 2048,
    ANSWER_CACHE_SETS_MAX = 1 << 20,
    ANSWER_CACHE_LINES_A_SET = 14 /* A, AAAA and NSEC of a member; 972 MiB at most */
};

struct answer_cache;

/* For a pool of `members`, and at most so many workers. */
struct answer_cache *answer_cache_new(size_t members, size_t workers);
void answer_cache_free(struct answer_cache *cache);
/* Octets that it has taken, and that it takes at most. Any thread. */
struct answer_cache_memory {
    uint64_t taken, most;
};
struct answer_cache_memory answer_cache_memory(struct answer_cache *cache);

struct answer_table;

/* One worker's view of the cache. */
struct answer_reader {
    struct answer_cache *cache;
    struct answer_table *table;
    struct answer_heap_share share;
    const struct zone_state *zone; /* of the batch, with */
    uint64_t version;              /* that of the registry, */
    uint64_t now;                  /* and the time in Unix seconds */
};

void answer_cache_join(struct answer_reader *reader, struct answer_cache *cache);
void answer_cache_leave(struct answer_reader *reader);
/* Between batches: the pool has so many members now. The first worker that says so for a larger
 * pool gets a larger, empty cache for all. */
void answer_cache_grow(struct answer_reader *reader, size_t members);

/* Begins a batch: answers are by this zone state and this version of the registry, at this time.
 * What is found is valid until answer_cache_end. */
void answer_cache_begin(struct answer_reader *reader, const struct zone_state *zone,
                        uint64_t version, uint64_t now);
void answer_cache_end(struct answer_reader *reader);

/* The version up to which the cache knows all changes. If that is less than the batch's, the worker
 * tells the changes since, then that these were all of them; or else that it does not know. */
uint64_t answer_cache_known(const struct answer_reader *reader);
/* The name with this dname_key_hash has changed. */
void answer_cache_changed(struct answer_reader *reader, uint64_t name_hash);
void answer_cache_all_changed(struct answer_reader *reader);
void answer_cache_told(struct answer_reader *reader);

/* Prefetches what answer_cache_fetch will read. */
void answer_cache_prefetch(const struct answer_reader *reader, const struct answer_cache_key *key);
/* Prefetches what answer_cache_find will read. False if it will find nothing. */
bool answer_cache_fetch(const struct answer_reader *reader, const struct answer_cache_key *key);
/* False: there is no entry, or it is not valid. */
bool answer_cache_find(struct answer_reader *reader, const struct answer_cache_key *key,
                       struct cached_answer *out);

/* False if it is not cached now: it is too long, another worker is ahead, or there is no room. */
bool answer_cache_put(struct answer_reader *reader, const struct answer_cache_key *key,
                      const struct cached_answer_parts *parts, struct cached_answer *out);

#endif
