#include "server/io/connection.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    MESSAGE_MIN = 2 + DNS_HEADER_LEN
};

static void release(struct connection_shop *shop, uint8_t **data, size_t *len)
{
    shop->freed += *len;
    free(*data);
    *data = NULL;
    *len = 0;
}

/* The length of the first message in `data`, with the two octets in front; SIZE_MAX if these are
 * not there yet. */
static size_t message_len(const uint8_t *data, size_t len)
{
    return len < 2 ? SIZE_MAX : 2u + ((size_t)data[0] << 8 | data[1]);
}

static bool has_query(const struct connection *connection)
{
    return message_len(connection->in, connection->in_len) <= connection->in_len;
}

/* A connection with something to do waits until it can be written. So it is in the same queue as
 * those that wait for queries. */
static uint32_t events_due(const struct connection *connection)
{
    if (connection->out != NULL) {
        return EPOLLOUT;
    }
    if (connection->rests) {
        return 0;
    }
    return has_query(connection) ? EPOLLOUT : EPOLLIN;
}

static void await(struct connection *connection, const struct connection_shop *shop)
{
    struct epoll_event event = { .events = events_due(connection), .data.ptr = connection };
    if (event.events != connection->events) {
        connection->events = event.events;
        (void)epoll_ctl(shop->set, EPOLL_CTL_MOD, connection->fd, &event);
    }
}

static void touch(struct connection *connection, const struct connection_shop *shop)
{
    connection->active_at = uv_now(shop->loop);
}

/* The address that the client connected to. */
static struct endpoint local_end(int fd)
{
    struct sockaddr_storage address;
    struct endpoint end = { .port = 0 };
    socklen_t len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        (void)endpoint_of_sockaddr(&end, (const struct sockaddr *)&address);
    }
    return end;
}

enum result connection_new(struct connection **out, struct connection_shop *shop, int fd,
                           const struct endpoint *peer)
{
    struct connection *connection = xcalloc(1, sizeof(*connection));
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    if (epoll_ctl(shop->set, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(connection);
        (void)close(fd);
        return RESULT_SYSTEM;
    }
    *connection = (struct connection){ .fd = fd, .events = EPOLLIN, .peer = *peer };
    if (shop->tap != NULL) {
        connection->local = local_end(fd);
    }
    touch(connection, shop);
    *out = connection;
    return RESULT_OK;
}

/* Octets that the kernel holds until the client takes them. */
static int untaken(const struct connection *connection)
{
    int octets = 0;
    return ioctl(connection->fd, SIOCOUTQ, &octets) == 0 ? octets : 0;
}

void connection_free(struct connection *connection, struct connection_shop *shop)
{
    if (connection->out != NULL || untaken(connection) > CONNECTION_GATHER) {
        const struct linger at_once = { .l_onoff = 1 };
        (void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    (void)close(connection->fd); /* this removes it from the epoll set */
    release(shop, &connection->in, &connection->in_len);
    release(shop, &connection->out, &connection->out_len);
    free(connection);
}

/* Writes what the kernel takes. False if the connection is broken. */
static bool send_some(const struct connection *connection, const uint8_t *data, size_t len,
                      size_t *sent)
{
    ssize_t taken = send(connection->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    *sent = taken > 0 ? (size_t)taken : 0;
    return taken >= 0 || errno == EAGAIN || errno == EINTR;
}

/* Writes gathered responses, and copies what the kernel does not take. */
static bool flush(struct connection *connection, const uint8_t *data, size_t len)
{
    size_t sent = 0;
    if (len > 0 && !send_some(connection, data, len, &sent)) {
        return false;
    }
    if (sent < len) {
        connection->out_at = 0;
        connection->out_len = len - sent;
        connection->out = xmalloc(connection->out_len);
        memcpy(connection->out, data + sent, connection->out_len);
    }
    return true;
}

/* Writes the octets that the kernel did not take before. */
static bool send_rest(struct connection *connection, struct connection_shop *shop)
{
    size_t sent = 0;
    if (!send_some(connection, connection->out + connection->out_at,
                   connection->out_len - connection->out_at, &sent)) {
        return false;
    }
    connection->out_at += sent;
    if (sent > 0) {
        touch(connection, shop); /* the client reads */
    }
    if (connection->out_at == connection->out_len) {
        release(shop, &connection->out, &connection->out_len);
    }
    return true;
}

static void note_message(const struct connection *connection, struct tap *tap, struct octets query,
                         struct octets response)
{
    const struct tap_exchange exchange = { .client = &connection->peer,
                                           .server = &connection->local,
                                           .tcp = true,
                                           .query = query,
                                           .response = response };
    tap_answered(tap);
    tap_note(tap, &exchange);
}

/* Takes the first complete messages, at most `most`, and none from one on that is too short to be
 * answered. */
static size_t take_messages(const struct connection *connection, struct octets waiting, size_t most,
                            struct request *requests)
{
    size_t count = 0;
    for (size_t at = 0; count < most;) {
        size_t left = waiting.len - at, len = message_len(waiting.data + at, left);
        if (len > left || len < MESSAGE_MIN) {
            break;
        }
        struct request *request = &requests[count++];
        request->data = waiting.data + at + 2;
        request->len = len - 2;
        request->source = connection->peer.address;
        request->tcp = true;
        request->over_rate = false;
        at += len;
    }
    return count;
}

/* Answers one message that has been read, and notes it, unless `tap` is NULL. Returns the length
 * of the response, with the two octets in front. */
static size_t answer_message(struct connection *connection, struct handler *handler,
                             struct tap *tap, struct request *request, uint8_t *out)
{
    handler_received(handler, MESSAGE_TCP, !address_is_ipv4(&request->source), 1);
    size_t reply = handler_answer(handler, request, out + 2, TCP_MESSAGE_MAX);
    connection->rests = request->over_rate;
    if (tap != NULL) {
        note_message(connection, tap, (struct octets){ request->data, request->len },
                     (struct octets){ out + 2, reply });
    }
    if (reply == 0) {
        return 0;
    }
    counter_add(&handler->counters.at[MESSAGES_OCTETS], reply);
    wire_put_u16(out, (uint16_t)reply);
    return reply + 2;
}

/* Answers complete messages in order until the turn is over: after CONNECTION_TURN messages, when
 * the kernel takes no more, or when the client is over its rate. They are read in groups, before
 * the first of a group is answered. `*used`: the octets of those answered. False if the connection
 * is broken. */
static bool answer_messages(struct connection *connection, struct connection_shop *shop,
                            const uint8_t *data, size_t len, size_t *used)
{
    struct tap *tap = tap_begin(shop->tap) ? shop->tap : NULL;
    struct request requests[HANDLER_GROUP];
    size_t at = 0, gathered = 0, count = 0, left = CONNECTION_TURN;
    bool ok = true;
    for (; ok && left > 0 && connection->out == NULL && !connection->rests; left -= count) {
        const struct octets waiting = { data + at, len - at };
        count = take_messages(connection, waiting, left < HANDLER_GROUP ? left : HANDLER_GROUP,
                              requests);
        if (count == 0) { /* one that can't be answered ends the connection, RFC 7766 8 */
            connection->ending = message_len(waiting.data, waiting.len) <= waiting.len;
            break;
        }
        handler_read(shop->handler, requests, count);
        for (size_t i = 0; i < count && ok && connection->out == NULL && !connection->rests; i++) {
            gathered +=
                answer_message(connection, shop->handler, tap, &requests[i], shop->out + gathered);
            at = (size_t)(requests[i].data - data) + requests[i].len;
            if (gathered >= CONNECTION_GATHER) {
                ok = flush(connection, shop->out, gathered);
                gathered = 0;
            }
        }
    }
    *used = at;
    return ok && flush(connection, shop->out, gathered);
}

/* Keeps the octets not answered yet. `rest` may be in connection->in. */
static void keep_rest(struct connection *connection, struct connection_shop *shop,
                      const uint8_t *rest, size_t len)
{
    uint8_t *in = NULL;
    if (len > 0) {
        in = xmalloc(len);
        memcpy(in, rest, len);
    }
    release(shop, &connection->in, &connection->in_len);
    connection->in = in;
    connection->in_len = len;
}

/* Reads behind a partial message, if there is one. Most reads end with a complete message and need
 * no memory of their own; a long message is gathered in connection->in. Returns where the data
 * begin; NULL if nothing came, which may be the end of the connection. */
static const uint8_t *receive(struct connection *connection, struct connection_shop *shop,
                              size_t *len)
{
    uint8_t *room = shop->read;
    size_t had = connection->in_len, size = sizeof(shop->read);
    if (had > CONNECTION_SHORT) {
        size = message_len(connection->in, had);
        room = connection->in = xrealloc(connection->in, size);
    } else if (had > 0) {
        memcpy(room, connection->in, had);
    }
    ssize_t got = recv(connection->fd, room + had, size - had, MSG_DONTWAIT);
    if (got <= 0) {
        connection->ending = got == 0 || (errno != EAGAIN && errno != EINTR);
        return NULL;
    }
    *len = had + (size_t)got;
    if (had > CONNECTION_SHORT) {
        connection->in_len = *len;
    }
    return room;
}

/* The queries that wait, else those read now; NULL if there are none. */
static const uint8_t *queries(struct connection *connection, struct connection_shop *shop,
                              size_t *len)
{
    if (has_query(connection)) {
        *len = connection->in_len;
        return connection->in;
    }
    return receive(connection, shop, len);
}

/* The snapshot is taken after the queries arrived, so that no answer is older than its query. False
 * if the connection is broken, or nothing can be answered now. */
static bool take_queries(struct connection *connection, struct connection_shop *shop)
{
    size_t len = 0, used = 0;
    const uint8_t *data = queries(connection, shop, &len);
    if (data == NULL) {
        return true;
    }
    if (message_len(data, len) > len) {
        if (data != connection->in) {
            keep_rest(connection, shop, data, len);
        }
        return true;
    }
    if (!handler_begin(shop->handler)) {
        return false; /* the store can't be read */
    }
    bool ok = answer_messages(connection, shop, data, len, &used);
    handler_end(shop->handler);
    if (used > 0) {
        connection->asked = true;
        touch(connection, shop);
    }
    if (used > 0 || data != connection->in) {
        keep_rest(connection, shop, data + used, connection->ending ? 0 : len - used);
    }
    return ok;
}

/* Waits for the client to take the contents of the kernel's buffer, so that the connection can be
 * closed without leaving them there for minutes. False if there are few. */
static bool linger(struct connection *connection, const struct connection_shop *shop)
{
    connection->untaken = untaken(connection);
    if (connection->untaken <= CONNECTION_GATHER) {
        return false;
    }
    connection->lingers = true;
    (void)shutdown(connection->fd, SHUT_WR);
    (void)epoll_ctl(shop->set, EPOLL_CTL_DEL, connection->fd, NULL);
    return true;
}

bool connection_turn(struct connection *connection, struct connection_shop *shop)
{
    bool whole = true;
    if (connection->out != NULL) {
        whole = send_rest(connection, shop);
    } else if (!connection->rests) {
        whole = take_queries(connection, shop);
    }
    if (!whole) {
        return false;
    }
    if (connection->ending && connection->out == NULL) {
        return linger(connection, shop);
    }
    await(connection, shop);
    return true;
}

bool connection_is_done(struct connection *connection, const struct connection_shop *shop)
{
    int now = untaken(connection);
    if (now < connection->untaken) {
        touch(connection, shop); /* the client reads */
    }
    connection->untaken = now;
    return now == 0;
}

void connection_resume(struct connection *connection, struct connection_shop *shop)
{
    connection->rests = false;
    await(connection, shop);
}

bool connection_is_idle(const struct connection *connection)
{
    return connection->in == NULL && connection->out == NULL;
}
