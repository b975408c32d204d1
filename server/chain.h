/* The links of the zone's NSEC chain, made when first needed and kept, each with its signature in wire form.
 *
 * A link holds for one snapshot of the registry and one view, so a change of either drops it; the signatures behind are in the
 * signature cache. One chain a worker. */
#ifndef SERVER_CHAIN_H
#define SERVER_CHAIN_H

#include "dnssec/denial.h"
#include "server/view.h"

enum {
    CHAIN_LINKS = 1024,
    CHAIN_SPARES = 4,
    LINK_WIRE_ROOM = 640
};

/* One name that has a node, and the next (RFC 4034 4). */
struct link {
    uint64_t view_number, registry_version, made_at;
    uint64_t turn; /* of the answer it was last given to: it must last until then */
    struct dname_key key, next;
    struct dname owner;
    struct rrset nsec;
    const struct block *block; /* NULL: too long for one */
    struct block kept;
    uint8_t rdata[DENIAL_NSEC_MAX + 2];
    uint8_t wire[LINK_WIRE_ROOM];
};

struct chain {
    /* What it is made from, set by its owner for each batch. */
    const struct view *view;
    struct store_txn *registry;
    struct signer *signer;
    uint64_t now;
    uint64_t turn;
    struct link links[CHAIN_LINKS]; /* by a hash of the key */
    unsigned spare;
    struct link spares[CHAIN_SPARES]; /* for an answer whose links meet in one place */
    uint8_t node_data[NODE_ENCODED_MAX];
};

/* Begins an answer: links given from now on last until the next call. An answer takes at most CHAIN_SPARES of them. */
void chain_begin(struct chain *chain);
/* The link of a name that has a node. */
enum result chain_at(struct chain *chain, const struct dname_key *key, const struct link **out);
/* The link that covers a name that has none. `hint` (may be NULL) is a name that may well stand right before it. */
enum result chain_covering(struct chain *chain, const struct dname_key *key,
                           const struct dname_key *hint, const struct link **out);

/* The types at a node, RRSIG and NSEC left to denial_nsec, at most CHAIN_TYPES_MAX, ascending. Returns their number. */
enum {
    CHAIN_TYPES_MAX = NODE_TYPES_MAX + 3
};
size_t chain_types(const struct view *view, const struct node *node, uint16_t out[CHAIN_TYPES_MAX]);

#endif
