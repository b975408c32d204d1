/* tcpfloor: the minimum cost of a TCP server on this kernel. Answers each message, which has its
 * length in front, with a fixed number of octets (the ID of the query, QR set), using epoll, one
 * recv and one send for a connection that is ready, and does nothing else. Any cost above this is
 * the nameserver's own.
 *
 * use: tcpfloor PORT [OCTETS]   (on 127.0.0.1; default 310 octets, as floor.c) */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS = 1024, /* by descriptor */
    EVENTS = 64,
    ROOM = 4096,
    OCTETS_MAX = 4096,
    QUERY_MIN = 2 + 12
};

struct connection {
    size_t held; /* octets of an incomplete query */
    uint8_t in[ROOM];
};

static struct connection connections[CONNECTIONS];
static uint8_t out[ROOM / QUERY_MIN * (2 + OCTETS_MAX)];

/* Answers the complete queries of a read and keeps the rest. False: the connection has ended. */
static bool answer(int fd, size_t octets)
{
    struct connection *c = &connections[fd];
    ssize_t got = recv(fd, c->in + c->held, ROOM - c->held, MSG_DONTWAIT);
    size_t have = c->held + (size_t)(got > 0 ? got : 0), at = 0, len = 0;
    while (have - at >= QUERY_MIN) {
        size_t query = 2u + (size_t)(c->in[at] << 8 | c->in[at + 1]);
        if (query < QUERY_MIN || query > ROOM) {
            return false;
        }
        if (have - at < query) {
            break;
        }
        out[len] = (uint8_t)(octets >> 8);
        out[len + 1] = (uint8_t)octets;
        memcpy(out + len + 2, c->in + at + 2, 12);
        out[len + 4] |= 0x80;
        len += 2 + octets;
        at += query;
    }
    c->held = have - at;
    if (at > 0 && c->held > 0) {
        memmove(c->in, c->in + at, c->held);
    }
    return got > 0 && (len == 0 || send(fd, out, len, MSG_NOSIGNAL) == (ssize_t)len);
}

static void take(int set, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    if (fd >= CONNECTIONS || (fd >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0)) {
        (void)close(fd);
    } else if (fd >= 0) {
        connections[fd].held = 0;
    }
}

static void serve(int set, int listener, size_t octets)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(set, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                take(set, listener);
            } else if (!answer(fd, octets)) {
                (void)close(fd);
            }
        }
    }
}

/* TCP_NODELAY is inherited by the connections. */
static int listen_at(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
              setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
              bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
              listen(fd, 512) == 0;
    return ok ? fd : -1;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    long port = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    long octets = argc > 2 ? strtol(argv[2], NULL, 10) : 310;
    if (port < 1 || port > 65535 || octets < 12 || octets > OCTETS_MAX) {
        (void)fputs("use: tcpfloor PORT [OCTETS]\n", stderr);
        return 2;
    }
    address.sin_port = htons((uint16_t)port);
    int set = epoll_create1(0), listener = listen_at(&address);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };
    if (listener < 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) != 0) {
        perror("tcpfloor");
        return 1;
    }
    serve(set, listener, (size_t)octets);
    return 1;
}
