/* Connections wait in an epoll set of their own, which the loop sees as one descriptor. A wake
 * takes TURNS_A_WAKE of those that are ready, then the loop does its other work. The kernel queues
 * connections that it has reported behind the others: that is the order of turns. */
#include "server/io/tcp.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "server/io/connection.h"
#include "server/io/listen.h"

enum {
    BACKLOG = 512,
    ACCEPTS_A_WAKE = 16,
    TURNS_A_WAKE = 16,
    UNASKED_PART =
        4, /* while more than 1/4 of the connections sent no query, these are closed first */
    SWEEP_MS = 1000,
    REST_MS = 100,     /* at most, of a connection whose network is over its rate */
    TRIM_SWEEPS = 5,   /* between two looks at freed memory */
    DRAIN_SWEEPS = 10, /* after which connections are closed that are not idle */
    END_SWEEP_MS = 20, /* the same for a server that ends */
    END_SWEEPS = 15,
    END_IDLE_MS = 100,  /* so that a query that is on its way is answered */
    TRIM_FROM = 1 << 20 /* octets worth giving back to the kernel */
};

struct listener {
    uv_poll_t poll;
    struct tcp_server *server;
    int fd;
};

struct tcp_server {
    struct connection_shop shop;
    unsigned connections_max;
    uv_poll_t ready;
    uv_timer_t sweep, rest;
    size_t listener_count, listeners_max;
    struct listener *listeners;
    bool deaf; /* ignores new connections: no descriptor is free, and no connection can be closed */
    struct connection *newest, *oldest;
    unsigned connection_count;
    unsigned unasked; /* connections that have not sent a complete query */
    unsigned sweeps;
    bool draining, ends;
    atomic_bool drained;
};

static void list_remove(struct tcp_server *server, const struct connection *connection)
{
    *(connection->newer != NULL ? &connection->newer->older : &server->newest) = connection->older;
    *(connection->older != NULL ? &connection->older->newer : &server->oldest) = connection->newer;
}

static void list_put_first(struct tcp_server *server, struct connection *connection)
{
    connection->newer = NULL;
    connection->older = server->newest;
    *(server->newest != NULL ? &server->newest->newer : &server->oldest) = connection;
    server->newest = connection;
}

static void count(struct tcp_server *server, unsigned which)
{
    message_count(&server->shop.handler->counters, which);
}

static void close_connection(struct tcp_server *server, struct connection *connection)
{
    list_remove(server, connection);
    server->connection_count--;
    server->unasked -= !connection->asked;
    count(server, MESSAGES_TCP_CLOSED);
    connection_free(connection, &server->shop);
}

/* All resting connections go on together. If the network is still over its rate, a connection rests
 * again after its next response. */
static void on_rest(uv_timer_t *timer)
{
    struct tcp_server *server = timer->data;
    for (struct connection *c = server->newest; c != NULL; c = c->older) {
        if (c->rests) {
            connection_resume(c, &server->shop);
        }
    }
}

static void on_ready(uv_poll_t *poll, int, int)
{
    struct tcp_server *server = poll->data;
    struct epoll_event ready[TURNS_A_WAKE];
    int events = epoll_wait(server->shop.set, ready, TURNS_A_WAKE, 0);
    for (int i = 0; i < events; i++) {
        struct connection *connection = ready[i].data.ptr;
        uint64_t active_at = connection->active_at;
        bool asked = connection->asked;
        bool broken = (ready[i].events & (EPOLLERR | EPOLLHUP)) != 0;
        if (broken || !connection_turn(connection, &server->shop)) {
            close_connection(server, connection);
            continue;
        }
        if (connection->active_at != active_at) {
            list_remove(server, connection);
            list_put_first(server, connection);
        }
        server->unasked -= connection->asked && !asked;
        if (connection->rests && uv_is_active((uv_handle_t *)&server->rest) == 0) {
            (void)uv_timer_start(&server->rest, on_rest, REST_MS, 0);
        }
    }
}

/* RFC 7766 6.2.2: one client must not take all connections. Over the limit, the longest idle
 * connection of its network is closed. */
static void limit_client(struct tcp_server *server, const struct connection *connection)
{
    struct connection *longest_idle = NULL;
    size_t prefix = address_is_ipv4(&connection->peer.address) ? 15 : 7; /* octets of /24, /56 */
    unsigned connections = 0;
    if (server->connection_count <= TCP_CLIENT_MAX) {
        return;
    }
    for (struct connection *c = server->newest; c != NULL; c = c->older) {
        if (memcmp(c->peer.address.octets, connection->peer.address.octets, prefix) == 0) {
            longest_idle = c;
            connections++;
        }
    }
    if (connections > TCP_CLIENT_MAX) {
        count(server, MESSAGES_TCP_DISPLACED + MESSAGE_BY_CLIENT);
        close_connection(server, longest_idle);
    }
}

/* The connection to close for a new one: the longest idle. While many have sent no query, the
 * longest idle of these: a flood of connections without queries must not displace clients that send
 * queries now and then. */
static struct connection *longest_idle(const struct tcp_server *server)
{
    struct connection *found = server->oldest;
    while (server->unasked > server->connections_max / UNASKED_PART && found->asked) {
        found = found->newer;
    }
    return found;
}

static bool is_out_of_descriptors(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static int take_next(int listener, struct sockaddr_storage *peer)
{
    socklen_t len = sizeof(*peer);
    return accept4(listener, (struct sockaddr *)peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* The next connection in the queue, -1 if there is none. Without a free descriptor the longest idle
 * connection is closed, once. If there is none, the queue waits for the next sweep. */
static int accept_next(struct tcp_server *server, int listener, struct sockaddr_storage *peer)
{
    int fd = take_next(listener, peer);
    if (fd >= 0 || !is_out_of_descriptors(errno)) {
        return fd;
    }
    server->deaf = server->oldest == NULL;
    if (server->deaf) {
        return -1;
    }
    count(server, MESSAGES_TCP_DISPLACED + MESSAGE_BY_DESCRIPTORS);
    close_connection(server, longest_idle(server));
    return take_next(listener, peer);
}

static void add_connection(struct tcp_server *server, int fd, const struct sockaddr_storage *peer)
{
    struct connection *connection = NULL;
    struct endpoint endpoint;
    if (endpoint_of_sockaddr(&endpoint, (const struct sockaddr *)peer) != RESULT_OK) {
        (void)close(fd);
        return;
    }
    if (server->connection_count >= server->connections_max) {
        count(server, MESSAGES_TCP_DISPLACED + MESSAGE_BY_ALL);
        close_connection(server, longest_idle(server));
    }
    if (connection_new(&connection, &server->shop, fd, &endpoint) == RESULT_OK) {
        list_put_first(server, connection);
        server->connection_count++;
        count(server, MESSAGES_TCP_OPENED);
        server->unasked++;
        limit_client(server, connection);
    }
}

static void on_connection(uv_poll_t *poll, int status, int events);

/* Starts or stops listening for new connections. */
static void hear(struct tcp_server *server, bool on)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        uv_poll_t *poll = &server->listeners[i].poll;
        CHECK((on ? uv_poll_start(poll, UV_READABLE, on_connection) : uv_poll_stop(poll)) == 0);
    }
    server->deaf = !on;
}

static void on_connection(uv_poll_t *poll, int, int)
{
    const struct listener *listener = poll->data;
    struct tcp_server *server = listener->server;
    for (unsigned i = 0; i < ACCEPTS_A_WAKE && !server->deaf; i++) {
        struct sockaddr_storage peer;
        int fd = accept_next(server, listener->fd, &peer);
        if (fd < 0) {
            break; /* the loop wakes again while there is one */
        }
        add_connection(server, fd, &peer);
    }
    if (server->deaf) {
        hear(server, false);
    }
}

static void close_listeners(struct tcp_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        uv_close((uv_handle_t *)&server->listeners[i].poll, NULL);
        (void)close(server->listeners[i].fd);
    }
    server->listener_count = 0;
}

/* By the first sweep, connections made to this server have been accepted. */
static void drain(struct tcp_server *server, uint64_t now)
{
    unsigned patience_ms = server->ends ? END_IDLE_MS : SWEEP_MS;
    bool last = server->sweeps >= (server->ends ? END_SWEEPS : DRAIN_SWEEPS);
    for (struct connection *c = server->oldest, *newer; c != NULL; c = newer) {
        newer = c->newer;
        uint64_t idle_ms = now - c->active_at;
        if ((connection_is_idle(c) && idle_ms >= patience_ms) || last) {
            close_connection(server, c);
        }
    }
    if (server->oldest == NULL) {
        atomic_store(&server->drained, true);
    }
}

/* Closes lingering connections whose clients have taken everything. */
static void look_at_lingering(struct tcp_server *server)
{
    for (struct connection *c = server->oldest, *newer; c != NULL; c = newer) {
        uint64_t active_at = c->active_at;
        newer = c->newer;
        if (c->lingers && connection_is_done(c, &server->shop)) {
            close_connection(server, c);
        } else if (c->active_at != active_at) {
            list_remove(server, c);
            list_put_first(server, c);
        }
    }
}

/* Closes connections that have sent no complete query, and read no response, for too long. */
static void on_sweep(uv_timer_t *timer)
{
    struct tcp_server *server = timer->data;
    uint64_t now = uv_now(server->shop.loop);
    server->sweeps++;
    look_at_lingering(server);
    while (server->oldest != NULL && now - server->oldest->active_at > TCP_IDLE_MS) {
        close_connection(server, server->oldest);
    }
    if (server->draining) {
        drain(server, now);
    }
    if (server->deaf && !server->ends) {
        hear(server, true);
    }
    if (server->sweeps % TRIM_SWEEPS == 0 && server->shop.freed > TRIM_FROM) {
        server->shop.freed = 0;
        (void)malloc_trim(0);
    }
}

struct tcp_server *tcp_new(uv_loop_t *loop, struct handler *handler, struct tap *tap,
                           unsigned connections_max, size_t listeners_max)
{
    struct tcp_server *server = xcalloc(1, sizeof(*server));
    /* malloc_trim does not give back the top of a thread's arena: free does, over this threshold,
     * which glibc would otherwise raise to twice the largest block that was ever freed. */
    (void)mallopt(M_TRIM_THRESHOLD, TRIM_FROM);
    server->shop.loop = loop;
    server->shop.handler = handler;
    server->shop.tap = tap;
    server->connections_max = connections_max;
    server->listeners_max = listeners_max;
    server->listeners = xcalloc(listeners_max, sizeof(*server->listeners));
    server->shop.set = epoll_create1(EPOLL_CLOEXEC);
    ASSERT(server->shop.set >= 0);
    CHECK(uv_poll_init(loop, &server->ready, server->shop.set) == 0);
    CHECK(uv_poll_start(&server->ready, UV_READABLE, on_ready) == 0);
    CHECK(uv_timer_init(loop, &server->sweep) == 0);
    CHECK(uv_timer_start(&server->sweep, on_sweep, SWEEP_MS, SWEEP_MS) == 0);
    CHECK(uv_timer_init(loop, &server->rest) == 0);
    server->ready.data = server->sweep.data = server->rest.data = server;
    return server;
}

enum result tcp_listen(struct tcp_server *server, const struct endpoint *endpoint, int fd,
                       struct diag *diag)
{
    ASSERT(server->listener_count < server->listeners_max);
    if (listen(fd, BACKLOG) != 0) {
        int error = errno;
        char text[ADDRESS_TEXT_MAX];
        (void)close(fd);
        return diag_fail(diag, RESULT_SYSTEM, "can't listen on %s@%u (TCP): %s",
                         address_text(&endpoint->address, text), endpoint->port, strerror(error));
    }
    struct listener *listener = &server->listeners[server->listener_count++];
    listener->server = server;
    listener->fd = fd;
    CHECK(uv_poll_init(server->shop.loop, &listener->poll, fd) == 0);
    listener->poll.data = listener;
    CHECK(uv_poll_start(&listener->poll, UV_READABLE, on_connection) == 0);
    return RESULT_OK;
}

void tcp_drain(struct tcp_server *server, bool ends)
{
    unsigned sweep_ms = ends ? END_SWEEP_MS : SWEEP_MS;
    server->draining = true;
    server->ends = ends;
    server->sweeps = 0;
    CHECK(uv_timer_start(&server->sweep, on_sweep, sweep_ms, sweep_ms) == 0);
    if (ends) {
        hear(server, false);
    }
}

bool tcp_is_drained(const struct tcp_server *server)
{
    return atomic_load(&server->drained);
}

int tcp_listener(const struct tcp_server *server, size_t at)
{
    return at < server->listener_count ? server->listeners[at].fd : -1;
}

void tcp_close(struct tcp_server *server)
{
    close_listeners(server);
    while (server->oldest != NULL) {
        close_connection(server, server->oldest);
    }
    uv_close((uv_handle_t *)&server->sweep, NULL);
    uv_close((uv_handle_t *)&server->rest, NULL);
    uv_close((uv_handle_t *)&server->ready, NULL);
    (void)close(server->shop.set);
}

void tcp_free(struct tcp_server *server)
{
    if (server != NULL) {
        free(server->listeners);
    }
    free(server);
}
