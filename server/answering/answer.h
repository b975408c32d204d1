/* Decides what answers a query: which RRsets, in which section, with which RCODE. Writes nothing to
 * the wire and signs nothing.
 *
 * What it decides points into the answerer's buffers and the view, and holds until the next
 * query. */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include "server/answering/change_filter.h"
#include "server/answering/nsec_chain.h"
#include "server/answering/query.h"
#include "server/state/counters.h"

enum {
    ANSWER_RRSETS = 16,
    ANSWER_NAMES = 12,
    ANSWER_ARENA = 16384,
    ANSWER_CNAMES = 8
};

struct answer_rrset {
    const struct dname *owner; /* the query's own qname wherever it is that */
    struct rrset set;
    /* the same in wire form, if it was prepared; NULL otherwise. Of what was kept, `set` has the
     * type only */
    const struct block *block;
};

struct answer {
    const struct dname *apex;
    enum rcode rcode;
    uint8_t scope;        /* ECS scope prefix length (RFC 7871 7.2.1), 0 for what isn't tailored */
    bool signatures_only; /* qtype RRSIG: the RRSIGs of the sets, not the sets */
    uint8_t answer_count; /* sets[0] ... are the answer section, */
    uint8_t total;        /* the rest the authority section */
    struct counters_due due; /* to be counted when it is sent whole */
    struct answer_rrset sets[ANSWER_RRSETS];
    size_t name_count;
    struct dname names[ANSWER_NAMES];
    size_t used;
    uint8_t arena[ANSWER_ARENA];
};

static inline bool answer_add(struct answer *answer, const struct dname *owner,
                              const struct rrset *set, const struct block *block)
{
    if (answer->total == ANSWER_RRSETS) {
        return false;
    }
    answer->sets[answer->total++] =
        (struct answer_rrset){ .owner = owner, .set = *set, .block = block };
    return true;
}

/* One worker's means to answer. The first seven are its owner's to set; answer_follow tells what
 * they mean for what is kept. */
struct answerer {
    struct zone_state *zone;
    struct counters *counters; /* of the view */
    struct store_txn *registry;
    struct signer *signer;         /* of the view's keys, */
    struct signer *limited_signer; /* too, with a budget: of compact denials of missing names */
    uint64_t now;                  /* Unix seconds */
    struct answer_cache *cache;
    struct change_filter changed;
    struct nsec_chain chain;
    struct answer answer;
    uint8_t node_data[NODE_ENCODED_MAX]; /* of the name asked for */
    uint8_t near_data[NODE_ENCODED_MAX]; /* of others */
};

/* Begins a batch, whenever one of the first seven may be another. */
void answer_follow(struct answerer *answerer);
/* What a query is about. Found for several queries before any of them is answered, so that what is
 * kept for one comes from memory while others are worked on. */
struct qname_info {
    bool in_zone; /* class IN, at or under the apex */
    bool service; /* SRV of the service's name; otherwise, in the zone, there is a key */
    bool missing; /* known to be no node's name; then there is a last node before it */
    struct dname_key key, before;
};
void answer_aim(const struct answerer *answerer, const struct query *query, struct qname_info *out);
/* The answer to a query that query_parse found fit, and its target. `source` is where it came from.
 * An unreadable store is SERVFAIL. */
const struct answer *answer_decide(struct answerer *answerer, const struct query *query,
                                   const struct qname_info *target, const struct address *source);

#endif
