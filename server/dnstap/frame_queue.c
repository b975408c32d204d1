/* A frame is a number of 32 bits, its length, and its octets up to the next multiple of 4. A frame
 * that does not fit before the end of the ring is at its beginning, and SKIP is in its place. */
#include "server/dnstap/frame_queue.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/result.h"

enum {
    UNIT = sizeof(uint32_t)
};

#define SKIP UINT32_MAX

static size_t octets_of(size_t len)
{
    return UNIT + (len + UNIT - 1) / UNIT * UNIT;
}

static uint8_t *place(const struct frame_queue *queue, size_t position)
{
    return queue->data + (position & (queue->size - 1));
}

/* The octets from a position to the end of the ring. */
static size_t left_of(const struct frame_queue *queue, size_t position)
{
    return queue->size - (position & (queue->size - 1));
}

static void put_len(const struct frame_queue *queue, size_t position, uint32_t len)
{
    memcpy(place(queue, position), &len, sizeof(len));
}

static uint32_t len_at(const struct frame_queue *queue, size_t position)
{
    uint32_t len = 0;
    memcpy(&len, place(queue, position), sizeof(len));
    return len;
}

void frame_queue_init(struct frame_queue *queue, size_t size)
{
    ASSERT(size > UNIT && (size & (size - 1)) == 0);
    memset(queue, 0, sizeof(*queue));
    queue->data = xcalloc(1, size);
    queue->size = size;
}

void frame_queue_done(struct frame_queue *queue)
{
    free(queue->data);
    queue->data = NULL;
}

uint8_t *frame_queue_reserve(struct frame_queue *queue, size_t len)
{
    size_t head = atomic_load_explicit(&queue->head, memory_order_relaxed);
    size_t need = octets_of(len), left = left_of(queue, head);
    queue->start = need <= left ? head : head + left;
    size_t end = queue->start + need;
    if (end - queue->tail_seen > queue->size) {
        queue->tail_seen = atomic_load_explicit(&queue->tail, memory_order_acquire);
    }
    if (end - queue->tail_seen > queue->size) {
        return NULL;
    }
    if (queue->start != head) {
        put_len(queue, head, SKIP);
    }
    return place(queue, queue->start) + UNIT;
}

void frame_queue_commit(struct frame_queue *queue, size_t len)
{
    put_len(queue, queue->start, (uint32_t)len);
    atomic_store_explicit(&queue->head, queue->start + octets_of(len), memory_order_release);
}

unsigned frame_queue_take(struct frame_queue *queue, struct iovec *out, unsigned max)
{
    size_t head = atomic_load_explicit(&queue->head, memory_order_acquire);
    unsigned count = 0;
    while (queue->taken != head && count < max) {
        uint32_t len = len_at(queue, queue->taken);
        if (len == SKIP) {
            queue->taken += left_of(queue, queue->taken);
            continue;
        }
        out[count++] = (struct iovec){ place(queue, queue->taken) + UNIT, len };
        queue->taken += octets_of(len);
    }
    return count;
}

void frame_queue_release(struct frame_queue *queue)
{
    atomic_store_explicit(&queue->tail, queue->taken, memory_order_release);
}
