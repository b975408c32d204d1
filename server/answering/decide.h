/* Decides what answers a query: which RRsets, in which section, with which RCODE. Writes nothing to
 * the wire and signs only what the answer cache keeps. */
#ifndef SERVER_DECIDE_H
#define SERVER_DECIDE_H

#include "server/answering/answer.h"
#include "server/answering/asking.h"
#include "server/answering/nsec_chain.h"
#include "server/answering/whoami.h"
#include "zone/base/counter.h"

/* One worker's state for its decisions. */
struct answerer {
    struct snapshot snapshot;
    struct nsec_chain chain;
    struct answer answer;
    struct cached_answer cached; /* of the name asked for */
    /* Compact denials that were over the budget, since the start; for any thread. */
    atomic_uint_fast64_t over_budget;
    uint8_t node_data[NODE_ENCODED_MAX]; /* of the name asked for */
    uint8_t near_data[NODE_ENCODED_MAX]; /* of other names */
    struct whoami whoami;
};

/* Begins a batch with the snapshot as the owner has set it. */
void decide_begin(struct answerer *answerer);
void decide_end(struct answerer *answerer);

/* The answer to a query that was prepared. SERVFAIL if the store can't be read. Valid until the
 * next call. */
const struct answer *decide_answer(struct answerer *answerer, const struct asking *asking);

#endif
