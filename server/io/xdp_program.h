/* The program that the kernel runs for each frame that an interface receives (XDP): it hands plain
 * DNS queries to the AF_XDP socket of their queue, and leaves all else to the network stack. Also
 * what it is not sure of: a frame handed over can't go back.
 *
 * A query is UDP in one frame, to the interface's own MAC and to one of the given addresses and
 * ports; untagged, or with the tag of the VLAN that has the address. It is at most
 * XDP_QUERY_MAX octets long. A queue without a socket leaves its frames to the stack.
 *
 * A worker that can't keep up has the program drop queries of its queue: those of networks (/24,
 * /56) that send more often than once in an interval, beyond a burst. So a flood from some networks
 * leaves the queries of others alone. A network counts in a table of fixed size; it is not limited
 * while another one has its place.
 *
 * The program is attached by a link that only this process holds: the kernel removes it with the
 * process, however that ends. It never takes another program's place. */
#ifndef SERVER_XDP_PROGRAM_H
#define SERVER_XDP_PROGRAM_H

#include "server/io/xdp_filter.h"

enum {
    XDP_TARGETS_MAX = 4096 /* addresses and ports */
};

/* Where queries come to. */
struct xdp_target {
    struct endpoint endpoint;
    uint16_t vlan; /* 0: untagged */
};

struct xdp_program {
    int program, link; /* descriptors, -1: none */
    struct xdp_maps maps;
    bool native; /* in the driver; else behind it, in the kernel's own form of a frame */
};

static inline struct xdp_program xdp_program_none(void)
{
    return (struct xdp_program){ .program = -1, .link = -1, .maps = { -1, -1, -1, -1 } };
}
/* Loads it; nothing is attached yet. Needs xdp_program_close, also after a failure. REFUSED without
 * the rights, MISSING if the kernel has no XDP. */
enum result xdp_program_load(struct xdp_program *out, const uint8_t mac[6],
                             const struct xdp_target *targets, size_t count, struct diag *diag);
/* REFUSED if the interface has another program. */
enum result xdp_program_attach(struct xdp_program *program, unsigned interface, struct diag *diag);
/* Queries of the queue go to this socket from now on. */
enum result xdp_program_steer(const struct xdp_program *program, unsigned queue, int socket,
                              struct diag *diag);
/* The shares of all queues. They stay when the program is closed. */
enum result xdp_program_shares(const struct xdp_program *program, struct xdp_share **out,
                               struct diag *diag);
void xdp_program_release(struct xdp_share *shares);
/* Detaches it: the stack gets all frames. */
void xdp_program_close(struct xdp_program *program);

#endif
