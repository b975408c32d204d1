/* The NSEC records that denials are made of, with their signatures: links of the zone's true chain,
 * and compact ones (RFC 9824), which speak of one name only. Those of names that have a node are
 * made when first needed and kept (server/answering/answer_cache.h). One chain a worker. */
#ifndef SERVER_NSEC_CHAIN_H
#define SERVER_NSEC_CHAIN_H

#include "dnssec/signing/nsec.h"
#include "server/answering/answer_cache.h"

enum {
    NSEC_CHAIN_NSECS = 4, /* an answer has at most: the name's, the wildcard's, and to spare */
    NSEC_CHAIN_WIRE = 2 * (DNAME_MAX + 10) + NSEC_RDATA_MAX + SIGNER_SCRATCH + KEYRING_MAX * 10
};

/* The NSEC at one name (RFC 4034 4). */
struct nsec {
    const struct block *block; /* NULL: too long for one, then owner and nsec are whole */
    struct rrset nsec;
    struct dname owner;
    struct dname_key key,
        next; /* next is empty at the last name: the apex follows. Of a true one. */
    uint8_t rdata[NSEC_RDATA_MAX + 2];
};

struct nsec_chain {
    /* What it is made from, set by its owner for each batch. */
    const struct zone_state *zone;
    struct store_txn *registry;
    struct signer *signer;
    struct signer *limited_signer; /* for names that anybody can make up */
    uint64_t now;
    struct answer_cache *cache;
    unsigned used;
    struct nsec nsecs[NSEC_CHAIN_NSECS]; /* of the answer being made */
    struct block missing_block; /* of a name without node, which there is once in an answer */
    uint8_t missing_wire[NSEC_CHAIN_WIRE];
    uint8_t node_data[NODE_ENCODED_MAX];
};

/* Begins an answer: links given from now on last until the next call. An answer takes at most
 * NSEC_CHAIN_NSECS of them. */
void nsec_chain_begin(struct nsec_chain *chain);
/* The link of a name that has a node: with DENIAL_NSEC to the next name in the zone, with
 * DENIAL_COMPACT to the next that there could be. */
enum result nsec_chain_at(struct nsec_chain *chain, const struct dname_key *key, enum denial form,
                          const struct nsec **out);
/* The true link that covers a name that has none. `hint` (may be NULL) is a name that may well
 * stand right before it. */
enum result nsec_chain_covering(struct nsec_chain *chain, const struct dname_key *key,
                                const struct dname_key *hint, const struct nsec **out);

/* A name that has no node. */
struct missing_name {
    const struct dname_key *key;
    bool missing;         /* else it is an empty non-terminal */
    bool asked;           /* it is the one asked for, not the target of an alias */
    bool signatures_only; /* the block is to hold the RRSIGs, not the NSEC */
};
/* The compact link of a name without node (RFC 9824 3.1 and 3.2); it always has a block. Once in an
 * answer. EXHAUSTED if the name is missing and there is no budget for its signature. */
enum result nsec_chain_missing_name(struct nsec_chain *chain,
                                    const struct missing_name *missing_name,
                                    const struct nsec **out);

/* True if the name lies between the two of the link. */
bool nsec_chain_covers(const struct nsec *nsec, const struct dname_key *key);

/* The types at a node, RRSIG and NSEC left to nsec_rdata, at most NSEC_CHAIN_TYPES_MAX, ascending.
 * Returns their number. */
enum {
    NSEC_CHAIN_TYPES_MAX = NODE_TYPES_MAX + 3
};
size_t nsec_chain_types(const struct zone_state *zone, const struct node *node,
                        uint16_t out[NSEC_CHAIN_TYPES_MAX]);

#endif
