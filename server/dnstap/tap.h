/* One worker's tap: notes queries and answers as dnstap frames, of one batch in N.
 *
 * The worker calls tap_begin with each batch, and tap_note for each query of a batch for which it
 * said true, once the answers are on their way. Noting a query copies two messages into the tap's
 * queue. It never waits: if the queue is full or nobody reads, the frames are dropped and
 * counted. */
#ifndef SERVER_TAP_H
#define SERVER_TAP_H

#include "server/dnstap/frame.h"
#include "server/dnstap/frame_queue.h"

enum {
    TAP_QUEUE = 2 << 20 /* octets; touched only as far as they are used */
};

struct tap {
    struct frame_queue queue;
    const struct frame_origin *origin;
    const atomic_bool *connected; /* somebody reads */
    unsigned sample, batches;
    struct timespec asked, answered; /* of the noted queries */
    atomic_uint_fast64_t frames;     /* passed on to the reader; the writing thread's */
    atomic_uint_fast64_t dropped;    /* frames; of the worker and of the thread */
};

/* Notes one batch in `sample`, beginning with the first. The pointers outlive the tap. */
void tap_init(struct tap *tap, unsigned sample, const struct frame_origin *origin,
              const atomic_bool *connected);
void tap_done(struct tap *tap);

/* The rest of tap_begin. */
bool tap_is_due(struct tap *tap);
/* The queries have arrived. True: this batch is noted. `tap` may be NULL: never. */
static inline bool tap_begin(struct tap *tap)
{
    return tap != NULL && tap_is_due(tap);
}
/* The answers that are noted next have left now. */
void tap_answered(struct tap *tap);

/* A query and its answer. */
struct tap_exchange {
    const struct endpoint *client, *server;
    bool tcp;
    struct octets query, response; /* the response is empty if there was none */
};
void tap_note(struct tap *tap, const struct tap_exchange *exchange);

#endif
