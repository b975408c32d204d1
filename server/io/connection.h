/* One TCP connection (RFC 7766). In a turn, which is bounded, it reads, answers and writes; the
 * rest waits for the next turn.
 *
 * A connection does not read while it has a complete query, or responses that the kernel did not
 * take. So at most one read and one gathered write wait here. All else waits in the kernel's
 * buffers, whose size is set (server/io/listen.h). */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include <uv.h>

#include "server/answering/handler.h"
#include "server/dnstap/tap.h"

enum {
    TCP_MESSAGE_MAX = 65535, /* RFC 1035 4.2.2 */
    CONNECTION_TURN = 16,    /* messages answered in a turn */
    /* A partial message up to this length is moved in front of the next read. */
    CONNECTION_SHORT = 1024,
    CONNECTION_READ = 4096,
    /* Responses are gathered up to this length, then written. */
    CONNECTION_GATHER = 16384,
    CONNECTION_OUT_ROOM = CONNECTION_GATHER + 2 + TCP_MESSAGE_MAX
};

/* Shared by the connections of a loop. The owner sets loop, handler, tap (NULL: none)
 * and set. */
struct connection_shop {
    uv_loop_t *loop;
    struct handler *handler;
    struct tap *tap;
    int set;      /* epoll, level-triggered: the connections that are ready */
    size_t freed; /* octets, since the owner last gave memory back to the kernel */
    uint8_t read[CONNECTION_SHORT + CONNECTION_READ];
    uint8_t out[CONNECTION_OUT_ROOM];
};

struct connection {
    int fd;
    uint32_t events;                  /* of epoll, that it waits for */
    struct endpoint peer, local;      /* `local` is set if there is a tap */
    struct connection *newer, *older; /* the owner's */
    uint64_t active_at; /* loop time of the last complete query, or of the client's last read */
    bool asked;         /* has sent a complete query */
    bool rests;         /* reads no query until connection_resume */
    bool ending;        /* reads no more queries */
    bool lingers;       /* all is written, but the client has not taken much of it yet */
    int untaken;        /* octets that it had not taken at the last look */
    /* Queries that wait, the last of them maybe partial; NULL if there are none. */
    uint8_t *in;
    size_t in_len;
    /* Responses that the kernel did not take, from out_at on; NULL if there are none. */
    uint8_t *out;
    size_t out_at, out_len;
};

/* Takes over the descriptor and waits for queries. SYSTEM, with the descriptor closed, if the
 * kernel refuses. */
enum result connection_new(struct connection **out, struct connection_shop *shop, int fd,
                           const struct endpoint *peer);
/* Drops the octets that the client has not taken if they are many: the kernel would keep them for
 * minutes. */
void connection_free(struct connection *connection, struct connection_shop *shop);
/* One turn: writes what waits, else reads and answers. If the client's network is over its rate,
 * the connection rests then. False: it has ended or is broken. */
bool connection_turn(struct connection *connection, struct connection_shop *shop);
/* For a connection that lingers: true when the client has taken everything. */
bool connection_is_done(struct connection *connection, const struct connection_shop *shop);
/* Ends its rest. */
void connection_resume(struct connection *connection, struct connection_shop *shop);
/* True if neither a part of a query nor a response waits. */
bool connection_is_idle(const struct connection *connection);

#endif
