#include "server/tcp.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/listen.h"

enum {
    LISTENERS_MAX = 64,
    BACKLOG = 512,
    SHORT = 1024, /* what is left of a message up to here is moved in front of what comes next */
    READ_ROOM =
        16384, /* a read takes at most; its answers are all made before we look whether the client reads them */
    SWEEP_MS = 1000
};

struct connection {
    uv_tcp_t handle;
    struct tcp_server *server;
    struct connection *newer, *older; /* by the time of the last whole query */
    uint64_t active_at;               /* loop time, ms */
    struct address peer;
    bool closing, paused;
    bool ending; /* takes no more queries, closed when its answers are written */
    uint8_t
        *in; /* the beginning of a message of which the rest has not come; NULL if there is none */
    size_t in_len;
};

struct tcp_server {
    struct worker *worker;
    uv_timer_t sweep;
    size_t listener_count;
    uv_tcp_t listeners[LISTENERS_MAX];
    struct connection *newest, *oldest;
    unsigned connection_count;
    uint8_t shared[SHORT + READ_ROOM]; /* what is being read */
};

static void list_remove(struct connection *connection)
{
    struct tcp_server *server = connection->server;
    *(connection->newer != NULL ? &connection->newer->older : &server->newest) = connection->older;
    *(connection->older != NULL ? &connection->older->newer : &server->oldest) = connection->newer;
}

static void list_put_first(struct connection *connection)
{
    struct tcp_server *server = connection->server;
    connection->newer = NULL;
    connection->older = server->newest;
    *(server->newest != NULL ? &server->newest->newer : &server->oldest) = connection;
    server->newest = connection;
}

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    free(connection->in);
    free(connection);
}

static void close_connection(struct connection *connection)
{
    if (connection->closing) {
        return;
    }
    connection->closing = true;
    list_remove(connection);
    connection->server->connection_count--;
    uv_close((uv_handle_t *)&connection->handle, on_connection_closed);
}

/* Puts it in front of those that are idle for longer. */
static void touch(struct connection *connection)
{
    connection->active_at = uv_now(&connection->server->worker->loop);
    list_remove(connection);
    list_put_first(connection);
}

/* A client that sends no more may still wait for its answers: they are written before the connection is closed. One that does not take
 * them is idle in the end. */
static void end_connection(struct connection *connection)
{
    uv_stream_t *stream = (uv_stream_t *)&connection->handle;
    if (uv_stream_get_write_queue_size(stream) == 0) {
        close_connection(connection);
        return;
    }
    connection->ending = true;
    (void)uv_read_stop(stream);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

/* Most reads end with a whole message, so that they need no room of their own. A long message gathers in the connection's. */
static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    uint8_t *shared = connection->server->shared;
    (void)suggested;
    if (connection->in_len <= SHORT) {
        if (connection->in_len > 0) {
            memcpy(shared, connection->in, connection->in_len);
        }
        *buffer = uv_buf_init((char *)shared + connection->in_len,
                              (unsigned)(SHORT + READ_ROOM - connection->in_len));
        return;
    }
    size_t message = 2u + ((size_t)connection->in[0] << 8 | connection->in[1]);
    connection->in = xrealloc(connection->in, message);
    *buffer = uv_buf_init((char *)connection->in + connection->in_len,
                          (unsigned)(message - connection->in_len));
}

struct reply {
    uv_write_t request;
    struct connection *connection;
    uint8_t data[];
};

static void on_written(uv_write_t *request, int status)
{
    struct reply *reply = request->data;
    struct connection *connection = reply->connection;
    uv_stream_t *stream = (uv_stream_t *)&connection->handle;
    free(reply);
    if (connection->closing) {
        return;
    }
    if (status < 0) {
        close_connection(connection);
        return;
    }
    touch(connection); /* it reads */
    size_t unread = uv_stream_get_write_queue_size(stream);
    if (connection->ending) {
        if (unread == 0) {
            close_connection(connection);
        }
    } else if (connection->paused && unread < TCP_UNREAD_MAX / 2) {
        connection->paused = false;
        if (uv_read_start(stream, on_room, on_read) != 0) {
            close_connection(connection);
        }
    }
}

/* Sends `len` octets of gathered answers: at once if the kernel takes them, the rest from a copy. */
static void flush(struct connection *connection, uint8_t *data, size_t len)
{
    uv_stream_t *stream = (uv_stream_t *)&connection->handle;
    if (len == 0 || connection->closing) {
        return;
    }
    if (uv_stream_get_write_queue_size(stream) == 0) {
        uv_buf_t all = uv_buf_init((char *)data, (unsigned)len);
        int written = uv_try_write(stream, &all, 1);
        size_t taken = written > 0 ? (size_t)written : 0; /* an error shows again below */
        data += taken;
        len -= taken;
        if (len == 0) {
            return;
        }
    }
    struct reply *reply = xmalloc(sizeof(*reply) + len);
    memcpy(reply->data, data, len);
    reply->request.data = reply;
    reply->connection = connection;
    uv_buf_t buffer = uv_buf_init((char *)reply->data, (unsigned)len);
    if (uv_write(&reply->request, stream, &buffer, 1, on_written) != 0) {
        free(reply);
        close_connection(connection);
        return;
    }
    if (uv_stream_get_write_queue_size(stream) > TCP_UNREAD_MAX && !connection->paused) {
        connection->paused = true; /* it does not read its answers */
        (void)uv_read_stop(stream);
    }
}

/* Answers all whole messages, in order. Returns how many octets they take; `*ok` is false if the client breaks the framing. */
static size_t answer_messages(struct connection *connection, const uint8_t *data, size_t len,
                              bool *ok)
{
    struct worker *worker = connection->server->worker;
    size_t at = 0, used = 0;
    *ok = true;
    while (len - at >= 2) {
        struct incoming incoming = { .data = data + at + 2,
                                     .len = (size_t)data[at] << 8 | data[at + 1],
                                     .source = connection->peer,
                                     .tcp = true };
        if (incoming.len < DNS_HEADER_LEN) {
            *ok = false; /* nothing that could be answered, RFC 7766 8 */
            break;
        }
        if (len - at - 2 < incoming.len) {
            break;
        }
        uint8_t *out = worker->tcp_out + used;
        struct handling handling;
        worker_read(worker, &incoming, &handling);
        size_t reply = worker_answer(worker, &incoming, &handling, out + 2, TCP_MESSAGE_MAX);
        if (reply > 0) {
            wire_put_u16(out, (uint16_t)reply);
            used += reply + 2;
        }
        if (used >= TCP_GATHER) {
            flush(connection, worker->tcp_out, used);
            used = 0;
        }
        at += incoming.len + 2;
    }
    flush(connection, worker->tcp_out, used);
    return at;
}

/* Keeps what is not yet a whole message. `rest` may lie in the connection's own room. */
static void keep_rest(struct connection *connection, const uint8_t *rest, size_t len)
{
    uint8_t *in = NULL;
    if (len > 0) {
        in = xmalloc(len);
        memcpy(in, rest, len);
    }
    free(connection->in);
    connection->in = in;
    connection->in_len = len;
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;
    struct worker *worker = connection->server->worker;
    (void)buffer;
    if (count < 0) {
        if (count == UV_EOF) {
            end_connection(connection);
        } else {
            close_connection(connection);
        }
        return;
    }
    if (count == 0) {
        return;
    }
    bool own = connection->in_len > SHORT, ok = true;
    const uint8_t *data = own ? connection->in : connection->server->shared;
    size_t len = connection->in_len + (size_t)count, at = 0;
    if (own && len < 2u + ((size_t)data[0] << 8 | data[1])) {
        connection->in_len = len;
        return;
    }
    if (!worker_begin(worker)) {
        close_connection(connection); /* the store can't be read */
        return;
    }
    at = answer_messages(connection, data, len, &ok);
    worker_end(worker);
    keep_rest(connection, data + at, len - at);
    if (at > 0 && !connection->closing) {
        touch(connection);
    }
    if (!ok && !connection->closing) {
        end_connection(connection);
    }
}

/* RFC 7766 6.2.2: one client must not take the connections of all. The one of its network that is idle for longest makes room. */
static void limit_client(struct connection *connection)
{
    struct tcp_server *server = connection->server;
    struct connection *longest_idle = NULL;
    size_t prefix = address_is_ipv4(&connection->peer) ? 15 : 7; /* octets of /24, /56 */
    unsigned count = 0;
    if (server->connection_count <= TCP_CLIENT_MAX) {
        return;
    }
    for (struct connection *c = server->newest; c != NULL; c = c->older) {
        if (memcmp(c->peer.octets, connection->peer.octets, prefix) == 0) {
            longest_idle = c;
            count++;
        }
    }
    if (count > TCP_CLIENT_MAX) {
        close_connection(longest_idle);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct tcp_server *server = listener->data;
    if (status < 0) {
        return;
    }
    if (server->connection_count >= TCP_CONNECTIONS_MAX) {
        close_connection(server->oldest);
    }
    struct connection *connection = xcalloc(1, sizeof(*connection));
    connection->server = server;
    connection->active_at = uv_now(&server->worker->loop);
    ASSERT(uv_tcp_init(&server->worker->loop, &connection->handle) == 0);
    connection->handle.data = connection;
    list_put_first(connection);
    server->connection_count++;
    struct sockaddr_storage peer;
    int len = sizeof(peer);
    struct endpoint endpoint;
    if (uv_accept(listener, (uv_stream_t *)&connection->handle) != 0 ||
        uv_tcp_getpeername(&connection->handle, (struct sockaddr *)&peer, &len) != 0 ||
        endpoint_of_sockaddr(&endpoint, (const struct sockaddr *)&peer) != RESULT_OK ||
        uv_read_start((uv_stream_t *)&connection->handle, on_room, on_read) != 0) {
        close_connection(connection);
        return;
    }
    connection->peer = endpoint.address;
    limit_client(connection);
    (void)uv_tcp_nodelay(&connection->handle, 1);
}

/* Closes what has sent no whole query, or taken none of its answers, for too long. */
static void on_sweep(uv_timer_t *timer)
{
    struct tcp_server *server = timer->data;
    uint64_t now = uv_now(&server->worker->loop);
    while (server->oldest != NULL && now - server->oldest->active_at > TCP_IDLE_MS) {
        close_connection(server->oldest);
    }
}

struct tcp_server *tcp_new(struct worker *worker)
{
    struct tcp_server *server = xcalloc(1, sizeof(*server));
    server->worker = worker;
    ASSERT(uv_timer_init(&worker->loop, &server->sweep) == 0);
    server->sweep.data = server;
    ASSERT(uv_timer_start(&server->sweep, on_sweep, SWEEP_MS, SWEEP_MS) == 0);
    return server;
}

enum result tcp_listen(struct tcp_server *server, const struct endpoint *endpoint,
                       struct diag *diag)
{
    int fd = -1;
    if (server->listener_count == LISTENERS_MAX) {
        return diag_fail(diag, RESULT_INVALID, "more than %d addresses to listen on",
                         LISTENERS_MAX);
    }
    enum result result = listen_socket(&fd, endpoint, SOCK_STREAM, diag);
    if (result != RESULT_OK) {
        return result;
    }
    uv_tcp_t *listener = &server->listeners[server->listener_count++];
    ASSERT(uv_tcp_init(&server->worker->loop, listener) == 0);
    listener->data = server;
    int error = uv_tcp_open(listener, fd);
    if (error != 0) {
        (void)close(fd);
    } else {
        error = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
    }
    if (error != 0) {
        char text[ADDRESS_TEXT_MAX];
        return diag_fail(diag, RESULT_SYSTEM, "can't listen on %s@%u (TCP): %s",
                         address_text(&endpoint->address, text), endpoint->port,
                         uv_strerror(error));
    }
    return RESULT_OK;
}

void tcp_close(struct tcp_server *server)
{
    uv_close((uv_handle_t *)&server->sweep, NULL);
    for (size_t i = 0; i < server->listener_count; i++) {
        uv_close((uv_handle_t *)&server->listeners[i], NULL);
    }
    while (server->oldest != NULL) {
        close_connection(server->oldest);
    }
}

void tcp_free(struct tcp_server *server)
{
    free(server);
}
