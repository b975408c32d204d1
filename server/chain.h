/* The links of the zone's NSEC chain, made when first needed and kept with their signatures (server/kept.h). One chain a worker. */
#ifndef SERVER_CHAIN_H
#define SERVER_CHAIN_H

#include "dnssec/denial.h"
#include "server/kept.h"

enum {
    CHAIN_LINKS = 4 /* an answer has at most: the name's, the wildcard's, and to spare */
};

/* One name that has a node, and the next (RFC 4034 4). */
struct link {
    const struct block *block; /* NULL: too long for one, then owner and nsec are whole */
    struct rrset nsec;
    struct dname owner;
    struct dname_key key, next; /* next is empty at the last name: the apex follows */
    uint8_t rdata[DENIAL_NSEC_MAX + 2];
};

struct chain {
    /* What it is made from, set by its owner for each batch. */
    const struct view *view;
    struct store_txn *registry;
    struct signer *signer;
    uint64_t now;
    struct kept_table *kept;
    unsigned used;
    struct link links[CHAIN_LINKS]; /* of the answer being made */
    uint8_t node_data[NODE_ENCODED_MAX];
};

/* Begins an answer: links given from now on last until the next call. An answer takes at most CHAIN_LINKS of them. */
void chain_begin(struct chain *chain);
/* The link of a name that has a node. */
enum result chain_at(struct chain *chain, const struct dname_key *key, const struct link **out);
/* The link that covers a name that has none. `hint` (may be NULL) is a name that may well stand right before it. */
enum result chain_covering(struct chain *chain, const struct dname_key *key,
                           const struct dname_key *hint, const struct link **out);

/* True if the name lies between the two of the link. */
bool chain_covers(const struct link *link, const struct dname_key *key);

/* The types at a node, RRSIG and NSEC left to denial_nsec, at most CHAIN_TYPES_MAX, ascending. Returns their number. */
enum {
    CHAIN_TYPES_MAX = NODE_TYPES_MAX + 3
};
size_t chain_types(const struct view *view, const struct node *node, uint16_t out[CHAIN_TYPES_MAX]);

#endif
