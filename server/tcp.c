#include "server/tcp.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/listen.h"

enum {
    LISTENERS_MAX = 64,
    BACKLOG = 512,
    FIRST_ROOM = 1024,
    ROOM_KEPT = 4096,
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
    uint8_t *in; /* what came and is not yet a whole message */
    size_t in_len, in_room;
};

struct tcp_server {
    struct worker *worker;
    uv_timer_t sweep;
    size_t listener_count;
    uv_tcp_t listeners[LISTENERS_MAX];
    struct connection *newest, *oldest;
    unsigned connection_count;
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

/* Room for the rest of the message, whose length is known once two octets are there. */
static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    (void)suggested;
    size_t want = FIRST_ROOM;
    if (connection->in_len >= 2) {
        size_t message = 2u + ((size_t)connection->in[0] << 8 | connection->in[1]);
        want = message > want ? message : want;
    }
    if (connection->in_room < want) {
        connection->in = xrealloc(connection->in, want);
        connection->in_room = want;
    }
    buffer->base = (char *)connection->in + connection->in_len;
    buffer->len = connection->in_room - connection->in_len;
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
static void flush(struct connection *connection, const uint8_t *data, size_t len)
{
    uv_stream_t *stream = (uv_stream_t *)&connection->handle;
    if (len == 0 || connection->closing) {
        return;
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

/* Gives back the room of a long message, so that a thousand idle connections are small. */
static void shrink(struct connection *connection)
{
    if (connection->in_len <= FIRST_ROOM && connection->in_room > ROOM_KEPT) {
        connection->in = xrealloc(connection->in, FIRST_ROOM);
        connection->in_room = FIRST_ROOM;
    }
}

/* Answers all whole messages that are there, in order. False if the client breaks the framing. */
static bool answer_messages(struct connection *connection)
{
    struct worker *worker = connection->server->worker;
    size_t at = 0, used = 0;
    bool ok = true;
    while (ok && connection->in_len - at >= 2) {
        struct incoming incoming = { .data = connection->in + at + 2,
                                     .len =
                                         (size_t)connection->in[at] << 8 | connection->in[at + 1],
                                     .source = connection->peer,
                                     .tcp = true };
        if (incoming.len < DNS_HEADER_LEN) {
            ok = false; /* nothing that could be answered, RFC 7766 8 */
            break;
        }
        if (connection->in_len - at - 2 < incoming.len) {
            break;
        }
        uint8_t *out = worker->tcp_out + used;
        size_t reply = worker_handle(worker, &incoming, out + 2, TCP_MESSAGE_MAX);
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
    if (at > 0) {
        memmove(connection->in, connection->in + at, connection->in_len - at);
        connection->in_len -= at;
        shrink(connection);
        if (!connection->closing) {
            touch(connection);
        }
    }
    return ok;
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
    connection->in_len += (size_t)count;
    if (count == 0 || !worker_begin(worker)) {
        return;
    }
    bool ok = answer_messages(connection);
    worker_end(worker);
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
