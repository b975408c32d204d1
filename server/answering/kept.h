/* What a worker keeps from answer to answer, in wire form with its signatures: members' A, AAAA and CAA, and the NSEC records of names.
 *
 * The store stays the truth. Before a batch the table is told of the snapshot and the view: it drops the names that changed in between
 * (registry_changes), or everything where that can't be told. An entry made under an older view holds on while what it was made of is the
 * same there: settings and keys (view.style) and the addresses left out. One table a worker; entries that are not used make room. */
#ifndef SERVER_KEPT_H
#define SERVER_KEPT_H

#include "server/state/view.h"

enum {
    KEPT_WAYS = 4,
    KEPT_SETS_MIN = 2048,
    KEPT_SETS_MAX = 65536, /* 100 MB with members for all of it */
    KEPT_ENTRY = 384,
    KEPT_OCTETS = KEPT_ENTRY - 96
};

struct kept {
    uint64_t view_number, style; /* it was last found to hold for, was made for */
    uint64_t member_id;          /* 0: no member's name */
    uint64_t made_at;            /* Unix seconds */
    uint64_t turn;               /* it was last found at */
    struct block block;
    uint16_t type;
    uint16_t key_len,
        next_len; /* of the keys at the front of `octets`: the name's and, of an NSEC, the next one's */
    uint8_t left_out;
    uint8_t octets[KEPT_OCTETS]; /* the keys, then the block's */
};

struct kept_table;

/* For a pool of `members`; the table's size is fixed from then on. */
struct kept_table *kept_new(size_t members);
/* False if one for as many would be larger. */
bool kept_fits(const struct kept_table *table, size_t members);
void kept_free(struct kept_table *table);

/* Begins a batch: answers are from this snapshot and by this view. */
void kept_follow(struct kept_table *table, const struct view *view, struct store_txn *registry,
                 uint64_t now);
/* Begins an answer: what kept_find and kept_put return from now on lasts until the next one. */
void kept_begin(struct kept_table *table);

/* Whose records, of which type; NXNAME stands for the compact NSEC (server/answering/chain.h). */
struct kept_key {
    const struct dname_key *name;
    uint16_t type;
};
/* Has the CPU fetch what kept_find is going to read. False if it is certain to find nothing. */
bool kept_fetch(const struct kept_table *table, const struct kept_key *key);
/* NULL: nothing is kept, or it holds no more. */
const struct kept *kept_find(struct kept_table *table, const struct kept_key *key);

/* What an entry is made of. */
struct kept_parts {
    uint64_t member_id; /* of a member's name, else 0 */
    struct block_parts block;
    const struct dname_key *next; /* of an NSEC: the next name's; else NULL */
};
/* NULL if it does not fit. */
const struct kept *kept_put(struct kept_table *table, const struct kept_key *key,
                            const struct kept_parts *parts);

#endif
