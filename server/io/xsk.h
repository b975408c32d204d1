/* A socket of the family AF_XDP on one receive queue of a network interface: the memory that it
 * shares with the kernel, its frames and its four rings. By the kernel's own interface
 * (linux/if_xdp.h), without a library.
 *
 * Half of the frames are for receiving: they are in the kernel's hands or in a batch. The other
 * half is for sending. Each ring has room for all the frames that can be in it, so none overflows.
 * One thread uses a socket, except where noted. */
#ifndef SERVER_XSK_H
#define SERVER_XSK_H

#include "zone/base/result.h"
#include "zone/base/wire.h"

enum {
    XSK_FRAME = 2048, /* octets */
    XSK_RING = 2048,  /* frames in a ring */
    XSK_FRAMES = 2 * XSK_RING
};

/* One ring, shared with the kernel: one side produces, the other consumes. */
struct xsk_ring {
    uint32_t *producer, *consumer, *flags;
    void *entries;
    uint32_t next; /* ours of the two, before the kernel is told */
    void *map;
    size_t map_len;
};

struct xsk {
    int fd;
    bool zero_copy;
    uint8_t *frames;
    struct xsk_ring fill, rx, tx, done;
    uint64_t free[XSK_RING]; /* frames to send, by their place */
    unsigned free_count;
};

/* `copy`: don't ask for zero-copy. Needs xsk_close, also after a failure. REFUSED without the
 * right, MISSING if the kernel or the queue has no such socket. */
enum result xsk_open(struct xsk *xsk, unsigned interface, unsigned queue, bool copy,
                     struct diag *diag);
void xsk_close(struct xsk *xsk);

/* Frames that have arrived and are not taken yet. */
unsigned xsk_waiting(const struct xsk *xsk);
/* At most `max` frames that have arrived. They stay until xsk_give_back of as many. */
unsigned xsk_receive(struct xsk *xsk, struct octets *frames, unsigned max);
void xsk_give_back(struct xsk *xsk, unsigned count);
/* A frame to write to, or NULL: all are on their way. The same one until xsk_send. */
uint8_t *xsk_frame(const struct xsk *xsk);
/* Queues that frame, now of `len` octets. */
void xsk_send(struct xsk *xsk, size_t len);
/* Has the kernel send what is queued. False: it does not take all of that now, call again. */
bool xsk_flush(struct xsk *xsk);
/* Frames that the kernel dropped: those before them were not taken in time. Any thread. */
uint64_t xsk_dropped(const struct xsk *xsk);

#endif
