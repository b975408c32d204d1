#include "qlane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ROOM = 4096,
    TCP_QUERIES = 100 /* per connection */
};

#define SECOND     1000000000u
#define LOST_AFTER SECOND

/* A socket and its queries in flight. Message ids count up, so an id is its query's place in
 * sent_at. */
struct lane {
    int fd;
    int in_flight;
    uint16_t next_id;
    int of_connection; /* TCP: queries sent on this one */
    size_t held;       /* TCP: octets of an incomplete answer */
    uint8_t stream[1 << 16];
    uint64_t sent_at[65536]; /* ns, 0: not in flight */
};

/* Writes the next query into `to`; returns its length. `at` is the time its latency counts from. */
static size_t next_query(struct worker *w, struct lane *lane, uint64_t at, uint8_t *to)
{
    const struct query *query = &w->plan->queries[w->cursor++ % w->plan->query_count];
    uint16_t id = lane->next_id++;
    memcpy(to, query->data, query->len);
    to[0] = (uint8_t)(id >> 8);
    to[1] = (uint8_t)id;
    if (w->plan->fresh) {
        vary_name(to, next_random(&w->random));
    }
    lane->sent_at[id] = at;
    lane->in_flight++;
    w->sent++;
    return query->len;
}

static void take_back(struct worker *w, struct lane *lane, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        lane->sent_at[--lane->next_id] = 0;
        lane->in_flight--;
        w->sent--;
    }
}

static void take_answer(struct worker *w, struct lane *lane, const uint8_t *answer, size_t len,
                        uint64_t at)
{
    if (len < 12 || (answer[2] & 0x80) == 0) {
        return;
    }
    uint64_t *sent_at = &lane->sent_at[answer[0] << 8 | answer[1]];
    if (*sent_at == 0) {
        return;
    }
    uint64_t us = at > *sent_at ? (at - *sent_at) / 1000 : 0;
    *sent_at = 0;
    lane->in_flight--;
    w->histogram[us < QLANE_BUCKETS ? us : QLANE_BUCKETS - 1]++;
    w->answered++;
    w->octets += len;
    w->rcode[answer[3] & 15]++;
    w->truncated += answer[2] >> 1 & 1;
}

/* -- UDP -- */

/* Sets the source address of a datagram to a different /24 of 127/8 each time. IP_PKTINFO is the
 * IPv4 form of the option of RFC 3542. */
static void set_source(struct worker *w, struct msghdr *header, uint8_t *control)
{
    struct in_pktinfo info = { 0 };
    info.ipi_spec_dst.s_addr =
        htonl(INADDR_LOOPBACK + (uint32_t)(next_random(&w->random) & 0xffff) * 256);
    header->msg_name = &w->plan->server;
    header->msg_namelen = sizeof(w->plan->server);
    header->msg_control = control;
    header->msg_controllen = CMSG_SPACE(sizeof(info));
    struct cmsghdr *first = CMSG_FIRSTHDR(header);
    first->cmsg_level = IPPROTO_IP;
    first->cmsg_type = IP_PKTINFO;
    first->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(first), &info, sizeof(info));
}

/* Sends `count` queries. The latency of query i counts from first_at + i * interval. */
static void udp_send(struct worker *w, struct lane *lane, unsigned count, uint64_t first_at,
                     double interval)
{
    static _Thread_local uint8_t out[QLANE_BATCH][QUERY_ROOM];
    static _Thread_local _Alignas(struct cmsghdr)
        uint8_t control[QLANE_BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct mmsghdr headers[QLANE_BATCH] = { 0 };
    struct iovec vectors[QLANE_BATCH];
    for (unsigned i = 0; i < count; i++) {
        uint64_t at = first_at + (uint64_t)(interval * i);
        vectors[i] = (struct iovec){ out[i], next_query(w, lane, at, out[i]) };
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        if (w->plan->spread) {
            set_source(w, &headers[i].msg_hdr, control[i]);
        }
    }
    int sent = sendmmsg(lane->fd, headers, count, 0);
    take_back(w, lane, count - (unsigned)(sent < 0 ? 0 : sent));
}

static void udp_receive(struct worker *w, struct lane *lane)
{
    static _Thread_local uint8_t in[QLANE_BATCH][ROOM];
    struct mmsghdr headers[QLANE_BATCH] = { 0 };
    struct iovec vectors[QLANE_BATCH];
    for (int i = 0; i < QLANE_BATCH; i++) {
        vectors[i] = (struct iovec){ in[i], ROOM };
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    int count = recvmmsg(lane->fd, headers, QLANE_BATCH, MSG_DONTWAIT, NULL);
    uint64_t now = now_ns();
    for (int i = 0; i < count; i++) {
        take_answer(w, lane, in[i], headers[i].msg_len, now);
    }
}

static void udp_open(const struct plan *plan, struct lane *lane)
{
    int size = 4 << 20;
    lane->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    (void)setsockopt(lane->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (lane->fd < 0 || (!plan->spread && connect(lane->fd, (const struct sockaddr *)&plan->server,
                                                  sizeof(plan->server)) != 0)) {
        die("qblast: socket");
    }
}

/* -- TCP -- */

static void tcp_open(const struct plan *plan, struct lane *lane)
{
    int one = 1;
    lane->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (lane->fd < 0 ||
        connect(lane->fd, (const struct sockaddr *)&plan->server, sizeof(plan->server)) != 0) {
        die("qblast: connect");
    }
    (void)setsockopt(lane->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    lane->of_connection = 0;
    lane->held = 0;
}

/* Replaces a used-up connection with a new one. Open queries of the old one are lost. */
static void tcp_renew(struct worker *w, struct lane *lane)
{
    w->lost += (uint64_t)lane->in_flight;
    lane->in_flight = 0;
    memset(lane->sent_at, 0, sizeof(lane->sent_at));
    (void)close(lane->fd);
    tcp_open(w->plan, lane);
}

static void tcp_send(struct worker *w, struct lane *lane, unsigned count)
{
    uint8_t out[QLANE_BATCH * (2 + QUERY_ROOM)];
    size_t len = 0, left = (size_t)(TCP_QUERIES - lane->of_connection);
    uint64_t now = now_ns();
    count = count < left ? count : (unsigned)left;
    for (unsigned i = 0; i < count; i++) {
        size_t query_len = next_query(w, lane, now, out + len + 2);
        out[len] = (uint8_t)(query_len >> 8);
        out[len + 1] = (uint8_t)query_len;
        len += 2 + query_len;
    }
    lane->of_connection += (int)count;
    if (len > 0 && send(lane->fd, out, len, MSG_NOSIGNAL) != (ssize_t)len) {
        tcp_renew(w, lane);
    }
}

static void tcp_receive(struct worker *w, struct lane *lane)
{
    ssize_t got =
        recv(lane->fd, lane->stream + lane->held, sizeof(lane->stream) - lane->held, MSG_DONTWAIT);
    uint64_t now = now_ns();
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return;
    }
    size_t have = lane->held + (got > 0 ? (size_t)got : 0), at = 0;
    while (have - at >= 2) {
        size_t len = (size_t)(lane->stream[at] << 8 | lane->stream[at + 1]);
        if (have - at < 2 + len) {
            break;
        }
        take_answer(w, lane, lane->stream + at + 2, len, now);
        at += 2 + len;
    }
    memmove(lane->stream, lane->stream + at, have - at);
    lane->held = have - at;
    if (got <= 0 || (lane->of_connection == TCP_QUERIES && lane->in_flight == 0)) {
        tcp_renew(w, lane);
    }
}

/* -- loops -- */

static bool enough(const struct worker *w)
{
    return atomic_load_explicit(&w->plan->stop, memory_order_relaxed) ||
           (w->plan->sent > 0 && w->sent >= w->plan->sent);
}

static void fill(struct worker *w, struct lane *lane)
{
    int room = w->plan->window - lane->in_flight;
    if (w->plan->sent > 0 && w->plan->sent - w->sent < (uint64_t)room) {
        room = (int)(w->plan->sent - w->sent);
    }
    if (room > 0 && w->plan->tcp) {
        tcp_send(w, lane, (unsigned)room);
    } else if (room > 0) {
        udp_send(w, lane, (unsigned)room, now_ns(), 0);
    }
}

/* Waits for answers and counts them. False if none arrives within `timeout_ms`. */
static bool receive(struct worker *w, int timeout_ms)
{
    struct pollfd wait[QLANE_SOCKETS];
    for (int i = 0; i < w->plan->sockets; i++) {
        wait[i] = (struct pollfd){ .fd = w->lanes[i].fd, .events = POLLIN };
    }
    if (poll(wait, (nfds_t)w->plan->sockets, timeout_ms) <= 0) {
        return false;
    }
    for (int i = 0; i < w->plan->sockets; i++) {
        if (wait[i].revents != 0 && w->plan->tcp) {
            tcp_receive(w, &w->lanes[i]);
        } else if (wait[i].revents != 0) {
            udp_receive(w, &w->lanes[i]);
        }
    }
    return true;
}

/* Counts open queries sent before `limit` as lost. */
static void give_up(struct worker *w, uint64_t limit)
{
    for (int i = 0; i < w->plan->sockets; i++) {
        struct lane *lane = &w->lanes[i];
        for (unsigned id = 0; id < 65536 && lane->in_flight > 0; id++) {
            if (lane->sent_at[id] != 0 && lane->sent_at[id] < limit) {
                lane->sent_at[id] = 0;
                lane->in_flight--;
                w->lost++;
            }
        }
    }
}

static void closed_loop(struct worker *w)
{
    uint64_t looked = now_ns();
    while (!enough(w)) {
        for (int i = 0; i < w->plan->sockets; i++) {
            fill(w, &w->lanes[i]);
        }
        (void)receive(w, 100);
        if (now_ns() - looked > LOST_AFTER) {
            looked = now_ns();
            give_up(w, looked - LOST_AFTER);
        }
    }
}

/* Never sleeps unless the plan says so: a sleep would overrun the schedule. */
static void open_loop(struct worker *w)
{
    double interval = 1e9 / w->plan->rate;
    uint64_t began = now_ns(), turn = 0;
    while (!enough(w)) {
        uint64_t due = (uint64_t)((double)(now_ns() - began) / interval);
        if (due > w->sent) {
            unsigned count = due - w->sent < QLANE_BATCH ? (unsigned)(due - w->sent) : QLANE_BATCH;
            uint64_t first_at = began + (uint64_t)(interval * (double)w->sent);
            udp_send(w, &w->lanes[turn++ % (uint64_t)w->plan->sockets], count, first_at, interval);
        }
        (void)receive(w, w->plan->sleeps ? 1 : 0);
    }
}

void *qlane_work(void *worker)
{
    struct worker *w = worker;
    if (w->plan->threads > 1) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET((size_t)w->number, &cpus);
        (void)pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
    }
    w->lanes = calloc((size_t)w->plan->sockets, sizeof(*w->lanes));
    for (int i = 0; i < w->plan->sockets; i++) {
        (w->plan->tcp ? tcp_open : udp_open)(w->plan, &w->lanes[i]);
    }
    (w->plan->rate > 0 ? open_loop : closed_loop)(w);
    while (w->answered + w->lost < w->sent && receive(w, w->plan->grace_ms)) {
    }
    give_up(w, UINT64_MAX);
    return NULL;
}
