/* What a worker keeps from answer to answer, in wire form with its signatures: members' A, AAAA and
 * CAA, and the NSEC records of names.
 *
 * The store stays the truth. Before a batch the table is told of the snapshot and the view: it
 * drops the names that changed in between (registry_changes), or everything where that can't be
 * told. An entry made under an older view holds on while what it was made of is the same there:
 * settings and keys (view.style) and the addresses left out. One table a worker; entries that are
 * not used make room. */
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
    uint64_t zone_state_number, style; /* it was last found to hold for, was made for */
    uint64_t member_id;                /* 0: no member's name */
    uint64_t made_at;                  /* Unix seconds */
    uint64_t turn;                     /* it was last found at */
    struct block block;
    uint16_t type;
    uint16_t key_len,
        /* of the keys at the front of `octets`: the name's and, of an NSEC, the next one's */
        next_len;
    uint8_t left_out;
    uint8_t octets[ANSWER_CACHE_OCTETS]; /* the keys, then the block's */
};

struct answer_cache;

/* For a pool of `members`; the table's size is fixed from then on. */
struct answer_cache *answer_cache_new(size_t members);
/* False if one for as many would be larger. */
bool answer_cache_fits(const struct answer_cache *table, size_t members);
void answer_cache_free(struct answer_cache *table);

/* Begins a batch: answers are by this zone state, at this time. */
void answer_cache_use(struct answer_cache *table, const struct zone_state *zone, uint64_t now);
/* Drops the entries of the name with this dname_key_hash. */
void answer_cache_drop(struct answer_cache *table, uint64_t name_hash);
void answer_cache_drop_all(struct answer_cache *table);
/* Begins an answer: what answer_cache_find and answer_cache_put return from now on lasts until the
 * next one. */
void answer_cache_begin(struct answer_cache *table);

/* Whose records, of which type; NXNAME stands for the compact NSEC
 * (server/answering/nsec_chain.h). */
struct answer_cache_key {
    const struct dname_key *name;
    uint16_t type;
};
/* Has the CPU fetch what answer_cache_find is going to read. False if it is certain to find
 * nothing. */
bool answer_cache_fetch(const struct answer_cache *table, const struct answer_cache_key *key);
/* NULL: nothing is kept, or it holds no more. */
const struct cached_answer *answer_cache_find(struct answer_cache *table,
                                              const struct answer_cache_key *key);

/* What an entry is made of. */
struct cached_answer_parts {
    uint64_t member_id; /* of a member's name, else 0 */
    struct block_parts block;
    const struct dname_key *next; /* of an NSEC: the next name's; else NULL */
};
/* NULL if it does not fit. */
const struct cached_answer *answer_cache_put(struct answer_cache *table,
                                             const struct answer_cache_key *key,
                                             const struct cached_answer_parts *parts);

#endif
