#include "server/io/xdp.h"

#include <stdlib.h>

#include "server/io/xdp_frame.h"

enum {
    AGAIN_MS = 10
};

_Static_assert((int)XDP_QUERY_MAX == (int)UDP_QUERY_MAX, "the stack gets what sockets would cut");
_Static_assert(XDP_FRAME_HEADERS_MAX + DNS_UDP_MAX <= XSK_FRAME, "an answer fits in a frame");

/* A batch: the frames, and what is noted of their queries for dnstap. */
struct batch {
    struct octets frames[UDP_BATCH];
    struct xdp_frame queries[UDP_BATCH];
    struct octets answers[UDP_BATCH];
    unsigned count; /* queries among the frames */
};

/* Reads the frames and counts their queries. */
static void read_frames(struct xdp_queue *queue, struct batch *batch, unsigned count)
{
    unsigned by_family[2] = { 0, 0 };
    for (unsigned i = 0; i < count; i++) {
        struct xdp_frame *query = &batch->queries[batch->count];
        if (xdp_frame_read(query, batch->frames[i].data, batch->frames[i].len)) {
            by_family[query->ipv6]++;
            batch->count++;
        }
    }
    counter_add(&queue->queries, batch->count);
    counter_add(&queue->faulty, count - batch->count);
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        if (by_family[ipv6] > 0) {
            handler_received(queue->shared->handler, MESSAGE_UDP, ipv6 == 1, by_family[ipv6]);
        }
    }
}

/* Answers one query into a frame of its own. Returns the length of the answer. */
static size_t answer(struct xdp_queue *queue, struct batch *batch, unsigned number,
                     struct request *request)
{
    struct handler *handler = queue->shared->handler;
    const struct xdp_frame *query = &batch->queries[number];
    uint8_t *frame = xsk_frame(&queue->xsk);
    batch->answers[number] = (struct octets){ .len = 0 };
    if (frame == NULL) { /* the client will ask again */
        message_count(&handler->counters, MESSAGES_DROPPED + MESSAGE_SEND);
        return 0;
    }
    size_t len = handler_answer(handler, request, frame + query->headers, DNS_UDP_MAX);
    if (len > 0) {
        batch->answers[number] = (struct octets){ frame + query->headers, len };
        xsk_send(&queue->xsk, xdp_frame_reply(frame, query, len));
    }
    return len;
}

/* Answers in groups that are all read first. */
static void answer_batch(struct xdp_queue *queue, struct batch *batch)
{
    struct handler *handler = queue->shared->handler;
    struct request requests[HANDLER_GROUP];
    uint64_t octets = 0;
    for (unsigned at = 0; at < batch->count; at += HANDLER_GROUP) {
        unsigned left = batch->count - at, group = left < HANDLER_GROUP ? left : HANDLER_GROUP;
        for (unsigned i = 0; i < group; i++) {
            const struct xdp_frame *query = &batch->queries[at + i];
            requests[i].data = query->message.data;
            requests[i].len = query->message.len;
            requests[i].source = query->client.address;
            requests[i].tcp = false;
        }
        handler_read(handler, requests, group);
        for (unsigned i = 0; i < group; i++) {
            octets += answer(queue, batch, at + i, &requests[i]);
        }
    }
    counter_add(&handler->counters.at[MESSAGES_OCTETS], octets);
}

/* The answers stand in their frames until the kernel gives these back. */
static void note_batch(const struct xdp_queue *queue, const struct batch *batch)
{
    tap_answered(queue->shared->tap);
    for (unsigned i = 0; i < batch->count; i++) {
        const struct tap_exchange exchange = { .client = &batch->queries[i].client,
                                               .server = &batch->queries[i].server,
                                               .query = batch->queries[i].message,
                                               .response = batch->answers[i] };
        tap_note(queue->shared->tap, &exchange);
    }
}

static void flush(struct xdp_queue *queue);

static void on_again(uv_timer_t *timer)
{
    flush(timer->data);
}

static void flush(struct xdp_queue *queue)
{
    if (!xsk_flush(&queue->xsk)) {
        CHECK(uv_timer_start(&queue->again, on_again, AGAIN_MS, 0) == 0);
    }
}

/* Has the program drop some of what comes while the worker can't keep up. */
static void share_out(struct xdp_queue *queue, bool full, uint64_t now_ns)
{
    if (xdp_shed_step(&queue->shed, full, now_ns)) {
        atomic_store_explicit(&queue->shares[queue->number].interval, queue->shed.interval,
                              memory_order_relaxed);
    }
}

/* One batch. Its snapshot is taken after the queries arrived, so that no answer is older than its
 * query. Returns the number of frames. */
static unsigned serve_batch(struct xdp_queue *queue)
{
    struct batch batch;
    batch.count = 0;
    bool full = xsk_waiting(&queue->xsk) >= XSK_RING / 2;
    unsigned count = xsk_receive(&queue->xsk, batch.frames, UDP_BATCH);
    if (count == 0) {
        return 0;
    }
    struct handler *handler = queue->shared->handler;
    read_frames(queue, &batch, count);
    if (handler_begin(handler)) {
        share_out(queue, full, handler->began_ns);
        bool noted = tap_begin(queue->shared->tap);
        answer_batch(queue, &batch);
        if (noted) {
            note_batch(queue, &batch);
        }
        flush(queue);
        handler_end(handler);
    } else {
        counter_add(&handler->counters.at[MESSAGES_DROPPED + MESSAGE_STORE], batch.count);
    }
    xsk_give_back(&queue->xsk, count);
    return count;
}

void xdp_queue_serve(struct xdp_queue *queue)
{
    for (unsigned i = 0; i < UDP_BATCHES_A_WAKE && serve_batch(queue) == UDP_BATCH; i++) {
    }
}

static void discard(struct xdp_queue *queue)
{
    xdp_program_release(queue->shares);
    xsk_close(&queue->xsk);
    free(queue);
}

enum result xdp_queue_open(struct xdp_queue **out, struct udp_shared *shared, unsigned interface,
                           unsigned number, const struct xdp_program *program, struct diag *diag)
{
    struct xdp_queue *queue = xcalloc(1, sizeof(*queue));
    enum result result = xsk_open(&queue->xsk, interface, number, !program->native, diag);
    if (result == RESULT_OK) {
        result = xdp_program_steer(program, number, queue->xsk.fd, diag);
    }
    if (result == RESULT_OK) {
        result = xdp_program_shares(program, &queue->shares, diag);
    }
    if (result != RESULT_OK) {
        discard(queue);
        return result;
    }
    queue->shared = shared;
    queue->number = number;
    queue->native = program->native;
    CHECK(uv_timer_init(shared->loop, &queue->again) == 0);
    queue->again.data = queue;
    *out = queue;
    return RESULT_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct xdp_queue *queue = handle->data;
    discard(queue);
}

void xdp_queue_close(struct xdp_queue *queue)
{
    uv_close((uv_handle_t *)&queue->again, on_closed);
}

uint64_t xdp_queue_shed(const struct xdp_queue *queue)
{
    return atomic_load_explicit(&queue->shares[queue->number].shed, memory_order_relaxed);
}

const char *xdp_queue_mode(const struct xdp_queue *queue)
{
    return !queue->native ? "generic" : queue->xsk.zero_copy ? "native, zero-copy" : "native, copy";
}
