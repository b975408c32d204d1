/* An answer: which RRsets, in which section, with which RCODE. server/answering/decide.h decides
 * it, server/answering/respond.h writes it to the wire. */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

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
    /* Has only the type where there is a block. */
    struct rrset set;
    const struct block *block; /* the RRset in wire form; NULL if there is none */
};

/* The name that a question leads to; of a CNAME in the zone, its target. */
enum answer_kind {
    ANSWER_OTHER,   /* not in the zone, no qtype, or the store could not be read */
    ANSWER_SERVICE, /* the pool's service */
    ANSWER_REGION,  /* a region's */
    ANSWER_MEMBER,
    ANSWER_STATIC, /* static records, and _whoami */
    ANSWER_APEX,
    ANSWER_MISSING, /* no name with records */
    ANSWER_KINDS
};

/* RRsets and owners point into the answer itself, the answerer's buffers, the answer cache and the
 * zone state. They hold until the next query. */
struct answer {
    const struct dname *apex;
    enum rcode rcode;
    enum answer_kind kind;
    uint8_t scope;           /* ECS scope prefix length (RFC 7871 7.2.1); 0: for all clients */
    bool signatures_only;    /* qtype RRSIG: the RRSIGs of the RRsets, not the RRsets */
    bool over_budget;        /* a compact denial was due, but its signature was over the budget */
    uint8_t answer_count;    /* sets[0] to sets[answer_count - 1] are the answer section, */
    uint8_t total;           /* the others, up to sets[total - 1], the authority section */
    struct counters_due due; /* to be counted when the answer is sent whole */
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

#endif
