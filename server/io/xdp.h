/* DNS over UDP past the network stack, by AF_XDP: a socket for each receive queue of an interface.
 * Its queries are read where they were received, and answered straight into the frames that are
 * sent, by the worker's handler. What the program in the kernel does not hand over goes to the
 * sockets of server/io/udp.h, which are open all the time. */
#ifndef SERVER_XDP_H
#define SERVER_XDP_H

#include "server/io/udp.h"
#include "server/io/xdp_interface.h"
#include "server/io/xdp_shed.h"
#include "server/io/xsk.h"

/* A queue, part of one worker. */
struct xdp_queue {
    uv_timer_t again; /* sends what the kernel has not taken */
    struct xsk xsk;
    struct udp_shared *shared;
    struct xdp_queue *next; /* of the same worker */
    char interface[IF_NAMESIZE];
    unsigned number;
    bool native;
    struct xdp_shed shed;
    struct xdp_share *shares;             /* those of all queues of the interface */
    atomic_uint_fast64_t queries, faulty; /* faulty: frames with wrong checksums and the like */
};

/* Opens the queue for a worker's loop that does not run yet, and has the program hand it the
 * queries. */
enum result xdp_queue_open(struct xdp_queue **out, struct udp_shared *shared, unsigned interface,
                           unsigned number, const struct xdp_program *program, struct diag *diag);
/* Answers the queries that wait. Call it when the socket is readable or has an error. */
void xdp_queue_serve(struct xdp_queue *queue);
/* Closes and frees it when the loop comes around. */
void xdp_queue_close(struct xdp_queue *queue);
/* Queries that the program has dropped: their networks sent more than their share. Any thread. */
uint64_t xdp_queue_shed(const struct xdp_queue *queue);
/* "native, zero-copy" */
const char *xdp_queue_mode(const struct xdp_queue *queue);

#endif
