/* DNS over UDP: batches of datagrams by recvmmsg and sendmmsg, when poll(2) wakes the worker. */
#ifndef SERVER_UDP_H
#define SERVER_UDP_H

#include <uv.h>

#include "server/answering/handler.h"
#include "server/dnstap/tap.h"

enum {
    UDP_BATCH = 64,         /* datagrams a system call */
    UDP_BATCHES_A_WAKE = 8, /* then the worker looks at its other sockets */
    UDP_QUERY_MAX = 1232    /* longer ones are cut and fail to parse */
};

/* Shared by the sockets of a worker. The owner sets loop, handler and tap (NULL: none). */
struct udp_shared {
    uv_loop_t *loop;
    struct handler *handler;
    struct tap *tap;
    uint8_t in[UDP_BATCH][UDP_QUERY_MAX], out[UDP_BATCH][DNS_UDP_MAX];
};

struct udp_socket {
    struct udp_shared *shared;
    int fd;
    const struct endpoint *endpoint;
    struct udp_batch *batch;
    bool ipv6;
    bool wildcard; /* replies carry the address that the query came to */
};

/* `fd`: a socket of listen_socket, which it takes over. */
void udp_open(struct udp_socket *udp, struct udp_shared *shared, const struct endpoint *endpoint,
              int fd);
/* Answers the queries that wait. Call it when the socket is readable or has an error. */
void udp_serve(struct udp_socket *udp);
/* Another process answers on the address: the kernel gives this socket no more queries. Those it
 * holds are still answered. */
void udp_retire(const struct udp_socket *udp);
void udp_close(struct udp_socket *udp);

#endif
