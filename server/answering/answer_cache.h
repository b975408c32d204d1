/* A cache of RRsets in wire form with their signatures: members' A, AAAA and CAA, and NSECs. One
 * per worker; new entries replace the least recently used.
 *
 * The store stays the truth. Before each batch the snapshot drops the names that changed, or all if
 * it can't tell which (server/answering/snapshot.h). An entry made for an older zone state is used
 * as long as its sources are the same: settings and keys (zone_state.style) and the addresses left
 * out. */
#ifndef SERVER_ANSWER_CACHE_H
#define SERVER_ANSWER_CACHE_H

#include "server/state/zone_state.h"

enum {
    ANSWER_CACHE_WAYS = 4,
    ANSWER_CACHE_SETS_MIN = 2048,
    ANSWER_CACHE_SETS_MAX = 65536, /* 100 MB with members for all of it */
    ANSWER_CACHE_ENTRY = 384,
    ANSWER_CACHE_OCTETS = ANSWER_CACHE_ENTRY - 96
};

struct cached_answer {
    uint64_t zone_state_number; /* of the zone state in which it was last checked */
    uint64_t style;             /* of the zone state it was made for */
    uint64_t member_id;         /* 0: not a member's name */
    uint32_t made_at;           /* Unix seconds */
    uint32_t lifetime_s;        /* zone_state_lifetime_s of the name */
    uint64_t tick;              /* of its last use, for eviction */
    struct block block;
    uint16_t type;
    uint16_t key_len;  /* of the name's key, at the front of `octets` */
    uint16_t next_len; /* of the next name's key behind it, for an NSEC; else 0 */
    uint8_t left_out;
    uint8_t octets[ANSWER_CACHE_OCTETS]; /* the keys, then the block */
};

struct answer_cache;

/* For a pool of `members`. The size of the cache does not change. */
struct answer_cache *answer_cache_new(size_t members);
/* False if a cache for as many members would be larger. */
bool answer_cache_fits(const struct answer_cache *table, size_t members);
void answer_cache_free(struct answer_cache *table);

/* Begins a batch: answers are by this zone state, at this time. */
void answer_cache_use(struct answer_cache *table, const struct zone_state *zone, uint64_t now);
/* Drops the entries of the name with this dname_key_hash. */
void answer_cache_drop(struct answer_cache *table, uint64_t name_hash);
void answer_cache_drop_all(struct answer_cache *table);
/* Begins an answer: what answer_cache_find and answer_cache_put return from now on is valid until
 * the next call. */
void answer_cache_begin(struct answer_cache *table);

/* Name and type; NXNAME stands for the compact NSEC (server/answering/nsec_chain.h). */
struct answer_cache_key {
    const struct dname_key *name;
    uint16_t type;
};
/* Prefetches what answer_cache_find will read. False if it will find nothing. */
bool answer_cache_fetch(const struct answer_cache *table, const struct answer_cache_key *key);
/* NULL: there is no entry, or it is no longer valid. */
const struct cached_answer *answer_cache_find(struct answer_cache *table,
                                              const struct answer_cache_key *key);

/* The parts of an entry. */
struct cached_answer_parts {
    uint64_t member_id; /* 0: not a member's name */
    struct block_parts block;
    const struct dname_key *next; /* of an NSEC: the next name; else NULL */
};
/* NULL if it does not fit. */
const struct cached_answer *answer_cache_put(struct answer_cache *table,
                                             const struct answer_cache_key *key,
                                             const struct cached_answer_parts *parts);

#endif
