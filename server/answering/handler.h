/* From message to response: one worker's means to answer, independent of sockets. Messages are
 * handled in batches, each from one snapshot.
 *
 * Handlers share only what is immutable (the zone state), atomic (message counters), or made for it
 * (answer cache, signature cache, rate limiter, store). One thread uses a handler, except where
 * noted. */
#ifndef SERVER_HANDLER_H
#define SERVER_HANDLER_H

#include "server/answering/decide.h"
#include "server/answering/edns.h"
#include "server/answering/message_counters.h"
#include "server/answering/rrl.h"

enum {
    HANDLER_GROUP = LOCATIONS_AT_ONCE,
    HANDLER_SIGNATURES = 16384,    /* entries of the signature cache, and */
    HANDLER_SIGNATURES_MEMBER = 8, /* more a member */
    HANDLER_DENIALS = 16384 /* cached signatures of compact denials of missing names, 2 MiB */
};

struct handler {
    struct answerer answerer;
    struct answer_reader reader;
    struct sigcache *cache, *denials; /* shared */
    struct budget budget;             /* of the limited signer */
    _Atomic(struct counters *) next;  /* of a newer zone state, with a reference, or NULL */
    struct rrl *rrl;
    const struct identity *identity;
    bool closing;       /* asks TCP clients to end their connections (RFC 7828 3.4) */
    uint64_t began_ns;  /* monotonic, of the batch */
    uint64_t now_us;    /* the same */
    uint32_t over_rate; /* responses over the rate, for rrl-slip */
    struct message_counters counters;
    struct signature_counts answers, compact; /* made or found by the two signers */
};

/* The pointers outlive the handler. */
struct handler_parts {
    struct store *registry;
    struct answer_cache *answers;
    struct sigcache *cache;
    /* Of HANDLER_DENIALS entries, for the limited signer: made-up names push out no other
     * signature. */
    struct sigcache *denials;
    struct rrl *rrl;
    const struct identity *identity;
};

/* Makes the caches and the rate limiter, for a pool of so many members and so many handlers. */
void handler_parts_fill(struct handler_parts *parts, size_t members, size_t handlers);
void handler_parts_free(struct handler_parts *parts);

/* Takes over a reference of the counters and begins with their zone state. Needs handler_done, also
 * after a failure. */
enum result handler_init(struct handler *handler, const struct handler_parts *parts,
                         struct counters *counters, struct diag *diag);
void handler_done(struct handler *handler);

/* Hands over a newer zone state by the counters for it, and their reference. It is in use from the
 * next batch on. Any thread. */
void handler_publish(struct handler *handler, struct counters *counters);

/* Messages that have arrived by one transport and family. */
static inline void handler_received(struct handler *handler, enum message_transport transport,
                                    bool ipv6, uint64_t count)
{
    counter_add(&handler->counters.at[MESSAGES_RECEIVED + transport * 2 + ipv6], count);
}

/* Begins a batch. Call it after the messages have arrived, so that no client gets an answer older
 * than its query. False: the store can't be read now, answer nothing. */
bool handler_begin(struct handler *handler);
void handler_end(struct handler *handler);

/* A message and, once it is read, its query. */
struct request {
    /* Set by the caller. */
    const uint8_t *data;
    size_t len;
    struct address source;
    bool tcp;
    /* Set by handler_read. */
    enum query_verdict verdict;
    enum rcode rcode;
    struct query query;
    struct qname_info qname;
    /* Set by handler_answer: over TCP, the client's network is over its rate. */
    bool over_rate;
};
/* Reads messages, at most HANDLER_GROUP, before the first of them is answered: together they cost
 * less than one by one. */
void handler_read(struct handler *handler, struct request *requests, size_t count);
/* Writes the response, over TCP at most `room` octets and over UDP what the client takes. Returns
 * its length, 0 for none. */
size_t handler_answer(struct handler *handler, struct request *request, uint8_t *out, size_t room);

#endif
