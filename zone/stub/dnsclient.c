#include "zone/stub/dnsclient.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "zone/base/clock.h"

enum {
    MESSAGE_MAX = 65535
};

/* What all exchanges of a run share. */
struct time_limits {
    uint64_t wait_us, end_us;
};

/* An exchange under way. */
struct running {
    const struct time_limits *limits;
    struct dns_exchange *exchange; /* NULL: the slot is free */
    int fd;
    bool tcp, connected;
    unsigned tries;
    uint64_t started_us, deadline_us;
    size_t query_len, sent; /* with the length in front, over TCP */
    size_t got;
    uint8_t query[2 + DNSMESSAGE_QUERY_ROOM];
    uint8_t in[2 + MESSAGE_MAX];
};

static uint64_t now_us(void)
{
    return clock_monotonic_ns() / 1000;
}

static void close_socket(struct running *run)
{
    if (run->fd >= 0) {
        (void)close(run->fd);
        run->fd = -1;
    }
}

static void finish(struct running *run, int error, const uint8_t *data, size_t len)
{
    struct dns_exchange *exchange = run->exchange;
    exchange->error = error;
    exchange->by_tcp = run->tcp;
    exchange->rtt_us = (uint32_t)(now_us() - run->started_us);
    if (data != NULL) {
        exchange->data = xmalloc(len);
        memcpy(exchange->data, data, len);
        exchange->len = len;
    }
    close_socket(run);
    run->exchange = NULL;
}

/* Connects. For UDP that only asks for a route. */
static bool open_socket(struct running *run)
{
    struct dns_exchange *exchange = run->exchange;
    struct sockaddr_storage address;
    socklen_t len = endpoint_to_sockaddr(&exchange->server, &address);
    int type = (run->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    run->fd = socket(address.ss_family, type, 0);
    if (run->fd >= 0 &&
        (connect(run->fd, (const struct sockaddr *)&address, len) == 0 || errno == EINPROGRESS)) {
        return true;
    }
    exchange->no_route = errno == ENETUNREACH || errno == EHOSTUNREACH || errno == EAFNOSUPPORT ||
                         errno == EADDRNOTAVAIL || errno == EACCES;
    return false;
}

static void start_try(struct running *run, bool tcp)
{
    close_socket(run);
    run->tcp = tcp;
    run->connected = false;
    run->sent = run->got = 0;
    run->tries += tcp ? 0 : 1;
    size_t len =
        dnsmessage_write(run->query + 2, (uint16_t)randombytes_random(), &run->exchange->query);
    wire_put_u16(run->query, (uint16_t)len);
    run->query_len = len + 2;
    run->started_us = now_us();
    run->deadline_us = run->started_us + run->limits->wait_us / (tcp ? 1 : DNSCLIENT_TRIES);
    run->deadline_us =
        run->deadline_us < run->limits->end_us ? run->deadline_us : run->limits->end_us;
    if (!open_socket(run) ||
        (!tcp && send(run->fd, run->query + 2, len, MSG_NOSIGNAL) != (ssize_t)len)) {
        finish(run, errno != 0 ? errno : EIO, NULL, 0);
    }
}

/* An answer that may be cut off is asked for again over TCP (RFC 7766 5). */
static void take_answer(struct running *run, const uint8_t *data, size_t len)
{
    struct dns_exchange *exchange = run->exchange;
    bool truncated = (data[2] << 8 & DNSMESSAGE_TC) != 0;
    if (truncated && !run->tcp && !exchange->keep_truncated) {
        start_try(run, true);
    } else {
        finish(run, 0, data, len);
    }
}

static void on_datagram(struct running *run)
{
    ssize_t got = recv(run->fd, run->in, MESSAGE_MAX, 0);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            finish(run, errno, NULL, 0);
        }
    } else if (dnsmessage_answers(run->in, (size_t)got, run->query + 2, run->query_len - 2)) {
        take_answer(run, run->in, (size_t)got);
    } else {
        run->exchange->stray = true;
    }
}

static void send_stream(struct running *run)
{
    int error = 0;
    socklen_t len = sizeof(error);
    (void)getsockopt(run->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        finish(run, error, NULL, 0);
        return;
    }
    run->connected = true;
    ssize_t done = send(run->fd, run->query + run->sent, run->query_len - run->sent, MSG_NOSIGNAL);
    if (done < 0 && errno != EAGAIN && errno != EINTR) {
        finish(run, errno, NULL, 0);
    } else {
        run->sent += done > 0 ? (size_t)done : 0;
    }
}

static void read_stream(struct running *run)
{
    size_t want = run->got < 2 ? 2 : 2 + ((size_t)run->in[0] << 8 | run->in[1]);
    ssize_t got = recv(run->fd, run->in + run->got, want - run->got, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            finish(run, got == 0 ? EPROTO : errno, NULL, 0);
        }
        return;
    }
    run->got += (size_t)got;
    want = run->got < 2 ? 2 : 2 + ((size_t)run->in[0] << 8 | run->in[1]);
    if (run->got < want || run->got < 2) {
        return;
    }
    if (dnsmessage_answers(run->in + 2, want - 2, run->query + 2, run->query_len - 2)) {
        take_answer(run, run->in + 2, want - 2);
    } else {
        run->exchange->stray = true;
        finish(run, EPROTO, NULL, 0);
    }
}

static void on_ready(struct running *run)
{
    if (!run->tcp) {
        on_datagram(run);
    } else if (run->sent < run->query_len) {
        send_stream(run);
    } else {
        read_stream(run);
    }
}

static void on_deadline(struct running *run)
{
    if (!run->tcp && run->tries < DNSCLIENT_TRIES && run->deadline_us < run->limits->end_us) {
        start_try(run, false);
    } else {
        finish(run, ETIMEDOUT, NULL, 0);
    }
}

/* Waits for the first event or deadline of the exchanges under way. */
static void step(struct running *slots)
{
    struct pollfd polled[DNSCLIENT_PARALLEL];
    uint64_t now = now_us(), first = UINT64_MAX;
    for (unsigned i = 0; i < DNSCLIENT_PARALLEL; i++) {
        const struct running *run = &slots[i];
        bool there = run->exchange != NULL;
        bool sending = there && run->tcp && run->sent < run->query_len;
        polled[i] =
            (struct pollfd){ .fd = there ? run->fd : -1, .events = sending ? POLLOUT : POLLIN };
        first = there && run->deadline_us < first ? run->deadline_us : first;
    }
    int timeout_ms = first <= now ? 0 : (int)((first - now) / 1000) + 1;
    (void)poll(polled, DNSCLIENT_PARALLEL, timeout_ms);
    now = now_us();
    for (unsigned i = 0; i < DNSCLIENT_PARALLEL; i++) {
        if (slots[i].exchange != NULL && polled[i].revents != 0) {
            on_ready(&slots[i]);
        }
        /* Not "else": a peer that keeps sending must not put the deadline off. */
        if (slots[i].exchange != NULL && now >= slots[i].deadline_us) {
            on_deadline(&slots[i]);
        }
    }
}

static void start(struct running *run, struct dns_exchange *exchange)
{
    run->exchange = exchange;
    run->fd = -1;
    run->tries = 0;
    run->tcp = exchange->tcp;
    run->started_us = now_us();
    if (run->started_us < run->limits->end_us) {
        start_try(run, exchange->tcp);
    } else {
        finish(run, ETIMEDOUT, NULL, 0);
    }
}

void dnsclient_run(struct dns_exchange *list, size_t count, struct dns_limits limits)
{
    const struct time_limits common = { .wait_us = UINT64_C(1000) * limits.wait_ms,
                                        .end_us = now_us() + UINT64_C(1000) * limits.total_ms };
    struct running *slots = xcalloc(DNSCLIENT_PARALLEL, sizeof(*slots));
    size_t next = 0;
    for (bool busy = true; busy;) {
        busy = false;
        for (unsigned i = 0; i < DNSCLIENT_PARALLEL; i++) {
            while (slots[i].exchange == NULL && next < count) {
                slots[i].limits = &common;
                start(&slots[i], &list[next++]);
            }
            busy = busy || slots[i].exchange != NULL;
        }
        if (busy) {
            step(slots);
        }
    }
    free(slots);
}

void dnsclient_free(struct dns_exchange *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].data);
        list[i].data = NULL;
    }
}
