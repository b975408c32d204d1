/* DNS over TCP (RFC 7766, RFC 9210): who may connect, whose turn it is, and who is closed for
 * having been idle.
 *
 * Each wake of the loop gives a bounded number of connections one bounded turn
 * (server/io/connection.h), in the order in which they became ready; the loop does what else it has
 * to in between, whatever TCP clients do. */
#ifndef SERVER_TCP_H
#define SERVER_TCP_H

#include "server/io/worker.h"

/* Holds so many connections at most, TCP_CONNECTIONS_MAX or fewer. */
struct tcp_server *tcp_new(struct worker *worker, unsigned connections_max);
enum result tcp_listen(struct tcp_server *server, const struct endpoint *endpoint,
                       struct diag *diag);
/* The descriptor that listens on address number `at`, -1 if there are fewer. */
int tcp_listener(const struct tcp_server *server, size_t at);
/* Another server takes over, and new connections come to it. Those here are closed when they are
 * idle, or after ten seconds; then the worker counts as drained. */
void tcp_drain(struct tcp_server *server);
/* Closes listeners and connections when the loop comes around. */
void tcp_close(struct tcp_server *server);
/* After the loop has ended. */
void tcp_free(struct tcp_server *server);

#endif
