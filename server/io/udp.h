/* DNS over UDP: batches of datagrams by recvmmsg and sendmmsg, woken by uv_poll. */
#ifndef SERVER_UDP_H
#define SERVER_UDP_H

#include "server/io/worker.h"

struct udp_socket {
    uv_poll_t poll;
    struct worker *worker;
    int fd;
    const struct endpoint *endpoint;
    struct udp_batch *batch;
    bool wildcard; /* answers carry the address that the query came to */
};

enum result udp_open(struct udp_socket *udp, struct worker *worker, const struct endpoint *endpoint,
                     struct diag *diag);
/* Another process answers on the address: the kernel shall give this socket no more. What it has is
 * answered still. */
void udp_retire(const struct udp_socket *udp);
/* Closes it when the loop comes around. */
void udp_close(struct udp_socket *udp);

#endif
