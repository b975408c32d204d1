/* DNS over TCP (RFC 7766, RFC 9210): accepts connections, gives them their turns, and closes idle
 * ones.
 *
 * Each wake of the loop gives a bounded number of connections one bounded turn
 * (server/io/connection.h), in the order in which they became ready. So the loop gets to its other
 * work whatever TCP clients do. */
#ifndef SERVER_TCP_H
#define SERVER_TCP_H

#include <uv.h>

#include "server/answering/handler.h"
#include "server/dnstap/tap.h"

enum {
    TCP_CONNECTIONS_MAX = 1024, /* the longest idle one makes room for a new one */
    TCP_CLIENT_MAX = 64         /* of these from one network, /24 or /56 (RFC 7766 6.2.2) */
};

/* `tap` may be NULL. `connections_max`: TCP_CONNECTIONS_MAX or fewer. `listeners_max`: at most so
 * many calls of tcp_listen follow. */
struct tcp_server *tcp_new(uv_loop_t *loop, struct handler *handler, struct tap *tap,
                           unsigned connections_max, size_t listeners_max);
/* Listens on `fd`, a socket of listen_socket for the endpoint, which it takes over. SYSTEM if the
 * kernel refuses. */
enum result tcp_listen(struct tcp_server *server, const struct endpoint *endpoint, int fd,
                       struct diag *diag);
/* Listener number `at`, in the order of tcp_listen; -1 if there are fewer. */
int tcp_listener(const struct tcp_server *server, size_t at);
/* Closes connections when they are idle, or after ten seconds; then the server is drained. Another
 * server takes over and gets new connections. `ends`: there is none, and what waits at the
 * listeners waits for the next one; connections that are not idle are closed after 0.3 s. */
void tcp_drain(struct tcp_server *server, bool ends);
/* Any thread. */
bool tcp_is_drained(const struct tcp_server *server);
/* Closes listeners and connections when the loop comes around. */
void tcp_close(struct tcp_server *server);
/* After the loop has ended. */
void tcp_free(struct tcp_server *server);

#endif
