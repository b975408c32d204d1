/* How much a queue of XDP that gets more than its worker can answer has the program in the kernel
 * take: what a network may send (struct xdp_share). A pure function.
 *
 * The longer the ring stays half full, the less; and more again while it does not. The first limits
 * are too high to touch anybody but a flood, so a worker that was held up for a moment loses
 * nothing. */
#ifndef SERVER_XDP_SHED_H
#define SERVER_XDP_SHED_H

#include <stdbool.h>
#include <stdint.h>

struct xdp_shed {
    uint64_t interval;   /* nanoseconds between queries of one network; 0: all are taken */
    uint64_t rise, fall; /* the earliest time of the next change up or down */
};

/* Zero-initialised at first. `full`: the ring is half full at least. True if the interval has
 * changed. */
bool xdp_shed_step(struct xdp_shed *shed, bool full, uint64_t now_ns);

#endif
