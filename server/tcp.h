/* DNS over TCP (RFC 7766, RFC 9210): pipelined queries, many answers a write, bounded connections, idle and slow clients closed. */
#ifndef SERVER_TCP_H
#define SERVER_TCP_H

#include "server/worker.h"

/* Answers are gathered until this much is used, then written. */
enum {
    TCP_GATHER = 65536,
    TCP_OUT_ROOM = TCP_GATHER + 2 + TCP_MESSAGE_MAX
};

struct tcp_server *tcp_new(struct worker *worker);
enum result tcp_listen(struct tcp_server *server, const struct endpoint *endpoint,
                       struct diag *diag);
/* Closes listeners and connections when the loop comes around. */
void tcp_close(struct tcp_server *server);
/* After the loop has ended. */
void tcp_free(struct tcp_server *server);

#endif
