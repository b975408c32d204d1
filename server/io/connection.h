/* One TCP connection (RFC 7766): what is read from it, answered and written in one turn, which is
 * bounded, and what waits for the next one.
 *
 * A connection reads nothing while it has a whole query, or answers that the kernel did not take.
 * So at most one read and one gathered write wait here, and the rest in the kernel's buffers, whose
 * size is set (server/io/listen.h). */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include <uv.h>

#include "server/answering/handler.h"

enum {
    TCP_MESSAGE_MAX = 65535, /* RFC 1035 4.2.2 */
    CONNECTION_TURN = 16,    /* messages answered, then others have theirs */
    /* What is left of a message up to here is moved in front of what comes next. */
    CONNECTION_SHORT = 1024,
    CONNECTION_READ = 4096,
    /* Answers are gathered until this much is used, then written. */
    CONNECTION_GATHER = 16384,
    CONNECTION_OUT_ROOM = CONNECTION_GATHER + 2 + TCP_MESSAGE_MAX
};

/* What the connections of a loop share. The owner sets loop, handler and set. */
struct connection_shop {
    uv_loop_t *loop;
    struct handler *handler;
    int set;      /* of epoll, that tells whose turn it is; level-triggered */
    size_t freed; /* octets, since the owner gave memory back to the kernel */
    uint8_t read[CONNECTION_SHORT + CONNECTION_READ];
    uint8_t out[CONNECTION_OUT_ROOM];
};

struct connection {
    int fd;
    uint32_t events; /* of epoll, that it waits for */
    struct address peer;
    struct connection *newer, *older; /* the owner's */
    uint64_t active_at;               /* the loop's time of the last whole query or taken answer */
    bool asked;                       /* a whole query has come */
    bool rests;                       /* takes no query until connection_resume */
    bool ending;                      /* takes no more queries at all */
    bool lingers; /* all is written, and the client has to take much of it still */
    int untaken;  /* by then, at the last look */
    /* Queries that wait, the last of them perhaps not whole; NULL if there is nothing. */
    uint8_t *in;
    size_t in_len;
    /* What the kernel did not take, from out_at on; NULL if there is nothing. */
    uint8_t *out;
    size_t out_at, out_len;
};

/* Takes over the descriptor and waits for queries. SYSTEM if the kernel refuses; then the
 * descriptor is closed. */
enum result connection_new(struct connection **out, struct connection_shop *shop, int fd,
                           const struct address *peer);
/* What the client has not taken is thrown away if that is much: the kernel would keep it for
 * minutes. */
void connection_free(struct connection *connection, struct connection_shop *shop);
/* One turn: writes what waits, else reads and answers. Of a network that is over its rate it rests
 * then. False: it has ended, or is broken. */
bool connection_turn(struct connection *connection, struct connection_shop *shop);
/* One that lingers: true when the client has taken everything. */
bool connection_is_done(struct connection *connection, const struct connection_shop *shop);
/* Ends its rest. */
void connection_resume(struct connection *connection, struct connection_shop *shop);
/* True if it has neither part of a query nor answers that wait. */
bool connection_is_idle(const struct connection *connection);

#endif
