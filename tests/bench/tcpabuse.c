/* tcpabuse: hostile TCP clients of a nameserver.
 *
 * Holds many connections from many networks (127.x.y.1, a /24 each) for SECONDS or until SIGTERM.
 * Prints one line of JSON: connections made, refused, and closed by the server; the most open at
 * once; octets sent and received.
 *
 *   pipeline  sends queries without end, as fast as the server takes them, and reads the answers
 *   unread    the same, but never reads
 *   idle      sends nothing
 *
 * With -a, replaces connections that the server closes. Without it, makes each connection once.
 *
 * use: tcpabuse -p PORT -f FILE [-m pipeline|unread|idle] [-c CONNECTIONS] [-n NETWORKS] [-d
 * SECONDS] [-a]. FILE holds queries as for qblast. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ROOM = 1 << 20, /* for consecutive queries, as in the file */
    CONNECTIONS_MAX = 65536,
    EVENTS = 256
};

struct options {
    int port, connections, networks;
    const char *file, *mode;
    double seconds;
    bool again;
};

struct connection {
    int fd; /* -1: none */
    size_t at;
};

static struct options options = {
    .connections = 64, .networks = 1, .mode = "pipeline", .seconds = 5
};
static uint8_t queries[ROOM], answers[1 << 16];
static size_t queries_len;
static struct connection connections[CONNECTIONS_MAX];
static int set, open_now;
static volatile sig_atomic_t ended;
static struct {
    unsigned long long made, refused, closed, most, sent, received;
} figures;

static double now(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void load(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t len = file == NULL ? 0 : fread(queries, 1, sizeof(queries), file), at = 0;
    while (len - at >= 2 && len - at - 2 >= (size_t)(queries[at] << 8 | queries[at + 1])) {
        at += 2u + (size_t)(queries[at] << 8 | queries[at + 1]);
    }
    queries_len = at;
    if (file == NULL || at == 0) {
        (void)fprintf(stderr, "tcpabuse: %s does not hold queries\n", path);
        exit(1);
    }
    (void)fclose(file);
}

static void on_signal(int)
{
    ended = 1;
}

static bool sends(void)
{
    return strcmp(options.mode, "idle") != 0;
}

static bool reads(void)
{
    return strcmp(options.mode, "unread") != 0;
}

static void begin(int number)
{
    struct connection *connection = &connections[number];
    int network = 1 + number % options.networks;
    struct sockaddr_in own = { .sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000001u + ((uint32_t)network << 8)) };
    struct sockaddr_in server = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event event = { .events = (reads() ? EPOLLIN : 0u) | (sends() ? EPOLLOUT : 0u),
                                 .data.u32 = (uint32_t)number };
    const int small = 4096, on = 1;
    connection->at = 0;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)setsockopt(connection->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof(on));
    if (!reads()) {
        (void)setsockopt(connection->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    }
    if (connection->fd < 0 ||
        bind(connection->fd, (const struct sockaddr *)&own, sizeof(own)) != 0 ||
        (connect(connection->fd, (const struct sockaddr *)&server, sizeof(server)) != 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(set, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        figures.refused++;
        (void)close(connection->fd);
        connection->fd = -1;
        return;
    }
    figures.made++;
    open_now++;
    figures.most = (unsigned)open_now > figures.most ? (unsigned)open_now : figures.most;
}

static void end(int number)
{
    (void)close(connections[number].fd);
    connections[number].fd = -1;
    open_now--;
    figures.closed++;
    if (options.again) {
        begin(number);
    }
}

/* False if the server has closed it. */
static bool drive(struct connection *connection, uint32_t events)
{
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        return false;
    }
    if ((events & EPOLLIN) != 0) {
        ssize_t got = recv(connection->fd, answers, sizeof(answers), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            return false;
        }
        figures.received += got > 0 ? (unsigned long long)got : 0;
    }
    if ((events & EPOLLOUT) != 0) {
        size_t len = queries_len - connection->at;
        ssize_t sent =
            send(connection->fd, queries + connection->at, len > 16384 ? 16384 : len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            return false;
        }
        figures.sent += sent > 0 ? (unsigned long long)sent : 0;
        connection->at = (connection->at + (sent > 0 ? (size_t)sent : 0)) % queries_len;
    }
    return true;
}

static bool read_options(int argc, char **argv)
{
    int letter;
    while ((letter = getopt(argc, argv, "p:f:m:c:n:d:a")) != -1) {
        switch (letter) {
        case 'p':
            options.port = (int)strtol(optarg, NULL, 10);
            break;
        case 'f':
            options.file = optarg;
            break;
        case 'm':
            options.mode = optarg;
            break;
        case 'c':
            options.connections = (int)strtol(optarg, NULL, 10);
            break;
        case 'n':
            options.networks = (int)strtol(optarg, NULL, 10);
            break;
        case 'd':
            options.seconds = strtod(optarg, NULL);
            break;
        case 'a':
            options.again = true;
            break;
        default:
            return false;
        }
    }
    return options.port > 0 && options.file != NULL && options.networks > 0 &&
           options.connections > 0 && options.connections <= CONNECTIONS_MAX;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    if (!read_options(argc, argv)) {
        (void)fputs("use: see the beginning of tcpabuse.c\n", stderr);
        return 2;
    }
    load(options.file);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    set = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < options.connections; i++) {
        begin(i);
    }
    (void)signal(SIGTERM, on_signal);
    for (double until = now() + options.seconds; now() < until && !ended;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(set, events, EVENTS, 10);
        for (int i = 0; i < count; i++) {
            int number = (int)events[i].data.u32;
            if (!drive(&connections[number], events[i].events)) {
                end(number);
            }
        }
    }
    printf("{\"made\": %llu, \"refused\": %llu, \"closed\": %llu, \"most\": %llu, \"open\": %d, "
           "\"sent\": %llu, \"received\": %llu}\n",
           figures.made, figures.refused, figures.closed, figures.most, open_now, figures.sent,
           figures.received);
    return 0;
}
