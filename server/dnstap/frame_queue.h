/* Frames on their way from one worker to the thread that writes them: a ring of octets, so that
 * its memory is bounded whatever the sizes of the frames. The worker is its only producer, the
 * thread its only consumer; neither ever waits for the other. */
#ifndef SERVER_FRAME_QUEUE_H
#define SERVER_FRAME_QUEUE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct frame_queue {
    uint8_t *data;
    size_t size;
    /* Positions count all octets that ever went through; the place is the remainder by the size. */
    _Alignas(64) atomic_size_t head; /* the worker's: the end of the last frame */
    size_t start, tail_seen;         /* the worker's: the next frame's place, a past tail */
    _Alignas(64) atomic_size_t tail; /* the thread's: the end of the last released frame */
    size_t taken;                    /* the thread's: the end of the last frame that it looked at */
};

/* `size` is a power of two. */
void frame_queue_init(struct frame_queue *queue, size_t size);
void frame_queue_done(struct frame_queue *queue);

/* The worker: room for a frame of up to `len` octets, NULL if there is none now. frame_queue_commit
 * with its length hands it over; without one it never was. */
uint8_t *frame_queue_reserve(struct frame_queue *queue, size_t len);
void frame_queue_commit(struct frame_queue *queue, size_t len);

/* The thread: the next frames, at most `max`. They hold until frame_queue_release, which gives
 * their room back. */
unsigned frame_queue_take(struct frame_queue *queue, struct iovec *out, unsigned max);
void frame_queue_release(struct frame_queue *queue);

#endif
