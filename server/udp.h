/* DNS over UDP: batches of datagrams by recvmmsg and sendmmsg, woken by uv_poll. */
#ifndef SERVER_UDP_H
#define SERVER_UDP_H

#include "server/worker.h"

struct udp_socket {
    uv_poll_t poll;
    struct worker *worker;
    int fd;
    struct udp_batch *batch;
    bool wildcard; /* answers carry the address that the query came to */
};

enum result udp_open(struct udp_socket *udp, struct worker *worker, const struct endpoint *endpoint,
                     struct diag *diag);
/* Closes it when the loop comes around. */
void udp_close(struct udp_socket *udp);

#endif
