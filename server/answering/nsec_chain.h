/* The NSEC records that denials are made of, with their signatures: those of the zone's NSEC chain
 * (RFC 4034 4), and compact ones (RFC 9824), each of which speaks of one name only. Those of names
 * that have a node are made when they are first needed, and then cached
 * (server/answering/answer_cache.h). One per worker. */
#ifndef SERVER_NSEC_CHAIN_H
#define SERVER_NSEC_CHAIN_H

#include "dnssec/signing/nsec.h"
#include "server/answering/snapshot.h"

enum {
    NSEC_CHAIN_NSECS = 4, /* at most in an answer; two are needed (name, wildcard) */
    NSEC_CHAIN_WIRE = 2 * (DNAME_MAX + 10) + NSEC_RDATA_MAX + SIGNER_SCRATCH + KEYRING_MAX * 10
};

/* The NSEC RRset of one name (RFC 4034 4). */
struct nsec {
    const struct block *block; /* NULL: it is not cached; then `owner` and `set` are complete */
    struct rrset set;
    struct dname owner;
    struct dname_key key;
    struct dname_key next;       /* of the NSEC chain; empty at the last name: the apex follows */
    struct cached_answer cached; /* has the block */
    uint8_t rdata[NSEC_RDATA_MAX + 2];
};

struct nsec_chain {
    const struct snapshot *snapshot;
    unsigned used;
    struct nsec nsecs[NSEC_CHAIN_NSECS]; /* of the answer being made */
    /* That covers the wildcard at the apex, which denies most missing names. Valid for a batch. */
    struct nsec apex_wildcard;
    bool has_apex_wildcard;
    struct block missing_block; /* of nsec_chain_missing_name */
    uint8_t missing_wire[NSEC_CHAIN_WIRE];
    uint8_t node_data[NODE_ENCODED_MAX];
};

/* Begins a batch. */
void nsec_chain_begin_batch(struct nsec_chain *chain, const struct snapshot *snapshot);
/* Begins an answer: the NSECs given from now on are valid until the next call. An answer takes at
 * most NSEC_CHAIN_NSECS of them. */
void nsec_chain_begin(struct nsec_chain *chain);
/* The NSEC of a name that has a node. Its next name is the next one in the zone with DENIAL_NSEC,
 * and the next possible one with DENIAL_COMPACT. */
enum result nsec_chain_at(struct nsec_chain *chain, const struct dname_key *key, enum denial form,
                          const struct nsec **out);
/* The NSEC of the chain that covers a name without a node. `hint` (may be NULL) is the NSEC of a
 * likely predecessor of the name. */
enum result nsec_chain_covering(struct nsec_chain *chain, const struct dname_key *key,
                                const struct answer_cache_key *hint, const struct nsec **out);

/* The NSEC of the chain that covers the wildcard at a name. Often it is `covering`, that of a name
 * below. */
enum result nsec_chain_wildcard(struct nsec_chain *chain, const struct dname_key *at,
                                const struct nsec *covering, const struct nsec **out);

/* A name without a node. */
struct missing_name {
    const struct dname_key *key;
    bool missing;         /* else it is an empty non-terminal */
    bool asked;           /* it is the qname, not the target of a CNAME */
    bool signatures_only; /* the block holds the RRSIGs, not the NSEC */
};
/* The compact NSEC of a name without a node (RFC 9824 3.1 and 3.2); it always has a block. Once in
 * an answer. EXHAUSTED if the name is missing and the budget has no signature for it. */
enum result nsec_chain_missing_name(struct nsec_chain *chain,
                                    const struct missing_name *missing_name,
                                    const struct nsec **out);

/* The types at a node in ascending order, without RRSIG and NSEC, which nsec_rdata adds. Returns
 * their number. */
enum {
    NSEC_CHAIN_TYPES_MAX = NODE_TYPES_MAX + 3
};
size_t nsec_chain_types(const struct zone_state *zone, const struct node *node,
                        uint16_t out[NSEC_CHAIN_TYPES_MAX]);

#endif
