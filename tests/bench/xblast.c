/* xblast: a DNS load generator that sends and receives by AF_XDP, for servers at the other end of a
 * pair of virtual interfaces. It costs its core less than the server's work costs the other, so it
 * can fill a server that answers by XDP. Prints one line of JSON, like qblast.
 *
 *   closed loop  (default) keeps -w queries in flight
 *   open loop    -r RATE a second on a fixed schedule; latency counts from the scheduled time
 *   a flood      -F FILE: queries of the file for made-up names, beside the others: as many as can
 *                be sent, or -R RATE a second, from 1,024 networks. It begins half a second before
 *
 * use: xblast -i INTERFACE -I ADDRESS -m SERVER_MAC -A SERVER -p PORT -f FILE [-d SECONDS]
 *             [-n QUERIES] [-w WINDOW] [-r RATE] [-x] [-F FILE [-R RATE]] [-P PID [-N PID]]
 *
 *   -I  our IPv4 address; in the open loop, queries come from 1,024 networks instead
 *   -n  stop after this many queries
 *   -x  vary the 12 hex digits after the first letter of the name in each query
 *   -P  the process whose CPU time counts; -N: and another one */
#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qfile.h"
#include "server/io/xdp_frame.h"
#include "server/io/xdp_interface.h"
#include "server/io/xsk.h"

enum {
    BATCH = 64,
    UDP_AT = XDP_FRAME_ETHERNET + XDP_FRAME_IPV4,
    DNS_AT = UDP_AT + XDP_FRAME_UDP,
    NETWORKS = 1024,
    BUCKETS = 1000000, /* of the latency histogram, one microsecond each */
    GRACE_MS = 200,
    REAL_PORT = 4000,
    FLOOD_PORT = 4001
};

#define SECOND 1000000000u

/* Queries of one file. Message ids count up, so an id is its query's place in sent_at. */
struct stream {
    struct query *queries;
    size_t count, cursor;
    uint16_t port, next_id;
    uint8_t network; /* the first octet of its addresses */
    bool spread, fresh;
    double rate;             /* 0: no schedule */
    uint64_t sent_at[65536]; /* ns, 0: not in flight */
    uint64_t sent, answered, lost, truncated, octets, rcode[16];
    uint64_t in_flight;
};

struct blast {
    struct xsk xsk;
    struct xdp_program program;
    struct xdp_interface interface;
    uint8_t server_mac[6];
    struct in_addr here, server;
    uint16_t server_port;
    struct stream real, flood;
    uint64_t window, limit, random;
    double seconds;
    int pids[2];
    uint32_t histogram[BUCKETS];
};

/* -- frames -- */

static uint64_t add_words(uint64_t sum, const uint8_t *data, size_t len)
{
    for (; len >= 2; data += 2, len -= 2) {
        sum += wire_get_u16(data);
    }
    return len > 0 ? sum + data[0] * 256u : sum;
}

static void put_sum(uint8_t *at, uint64_t sum)
{
    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    wire_put_u16(at, (uint16_t)~sum);
}

/* The source of query number `number`. */
static struct in_addr source(const struct blast *blast, const struct stream *stream,
                             uint64_t number)
{
    uint32_t network = number % NETWORKS;
    return stream->spread
               ? (struct in_addr){ htonl((uint32_t)stream->network << 24 | network << 8 | 1) }
               : blast->here;
}

/* Writes the next query of the stream into a frame. Returns its length. */
static size_t write_query(struct blast *blast, struct stream *stream, uint8_t *frame)
{
    const struct query *query = &stream->queries[stream->cursor++ % stream->count];
    uint8_t *ip = frame + XDP_FRAME_ETHERNET, *udp = frame + UDP_AT, *message = frame + DNS_AT;
    static const uint8_t fixed[] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, IPPROTO_UDP, 0, 0 };
    struct in_addr from = source(blast, stream, stream->sent);
    memcpy(frame, blast->server_mac, 6);
    memcpy(frame + 6, blast->interface.mac, 6);
    wire_put_u16(frame + 12, 0x0800);
    memcpy(ip, fixed, sizeof(fixed));
    wire_put_u16(ip + 2, (uint16_t)(XDP_FRAME_IPV4 + XDP_FRAME_UDP + query->len));
    memcpy(ip + 12, &from, sizeof(from));
    memcpy(ip + 16, &blast->server, sizeof(blast->server));
    put_sum(ip + 10, add_words(0, ip, XDP_FRAME_IPV4));
    wire_put_u16(udp, stream->port);
    wire_put_u16(udp + 2, blast->server_port);
    wire_put_u16(udp + 4, (uint16_t)(XDP_FRAME_UDP + query->len));
    wire_put_u16(udp + 6, 0);
    memcpy(message, query->data, query->len);
    wire_put_u16(message, stream->next_id++);
    if (stream->fresh) {
        vary_name(message, next_random(&blast->random));
    }
    uint64_t sum = add_words(IPPROTO_UDP + XDP_FRAME_UDP + query->len, ip + 12, 8);
    put_sum(udp + 6, add_words(sum, udp, XDP_FRAME_UDP + query->len));
    return DNS_AT + query->len;
}

/* Sends at most `count` queries. Query i was due at first_at + i * interval. */
static unsigned send_queries(struct blast *blast, struct stream *stream, unsigned count,
                             uint64_t first_at, double interval)
{
    unsigned sent = 0;
    uint8_t *frame = NULL;
    while (sent < count && (frame = xsk_frame(&blast->xsk)) != NULL) {
        stream->sent_at[stream->next_id] = first_at + (uint64_t)(interval * sent);
        xsk_send(&blast->xsk, write_query(blast, stream, frame));
        stream->sent++;
        stream->in_flight++;
        sent++;
    }
    return sent;
}

static void take_answer(struct blast *blast, struct octets frame, uint64_t now)
{
    const uint8_t *message = frame.data + DNS_AT;
    uint16_t port = frame.len >= DNS_AT + 12 ? wire_get_u16(frame.data + UDP_AT + 2) : 0;
    struct stream *stream = port == REAL_PORT    ? &blast->real
                            : port == FLOOD_PORT ? &blast->flood
                                                 : NULL;
    if (stream == NULL || (message[2] & 0x80) == 0) {
        return;
    }
    uint64_t *sent_at = &stream->sent_at[wire_get_u16(message)];
    if (*sent_at == 0) {
        return;
    }
    uint64_t us = now > *sent_at ? (now - *sent_at) / 1000 : 0;
    *sent_at = 0;
    stream->in_flight--;
    stream->answered++;
    stream->octets += frame.len - DNS_AT;
    stream->rcode[message[3] & 15]++;
    stream->truncated += message[2] >> 1 & 1;
    if (stream == &blast->real) {
        blast->histogram[us < BUCKETS ? us : BUCKETS - 1]++;
    }
}

static unsigned receive(struct blast *blast)
{
    struct octets frames[BATCH];
    unsigned count = xsk_receive(&blast->xsk, frames, BATCH);
    if (count > 0) {
        uint64_t now = now_ns();
        for (unsigned i = 0; i < count; i++) {
            take_answer(blast, frames[i], now);
        }
        xsk_give_back(&blast->xsk, count);
    }
    return count;
}

static void wait_for_answers(const struct blast *blast, int timeout_ms)
{
    struct pollfd wait = { .fd = blast->xsk.fd, .events = POLLIN };
    (void)poll(&wait, 1, timeout_ms);
}

/* -- loops -- */

static unsigned send_due(struct blast *blast, struct stream *stream, uint64_t began, uint64_t now)
{
    double interval = 1e9 / stream->rate;
    uint64_t due = (uint64_t)((double)(now - began) / interval) - stream->sent;
    return send_queries(blast, stream, due < BATCH ? (unsigned)due : BATCH,
                        began + (uint64_t)(interval * (double)stream->sent), interval);
}

static unsigned send_real(struct blast *blast, uint64_t began, uint64_t now)
{
    struct stream *real = &blast->real;
    if (real->rate > 0) {
        return send_due(blast, real, began, now);
    }
    uint64_t room = real->in_flight < blast->window ? blast->window - real->in_flight : 0;
    if (blast->limit > 0 && blast->limit - real->sent < room) {
        room = blast->limit - real->sent;
    }
    return send_queries(blast, real, room < BATCH ? (unsigned)room : BATCH, now, 0);
}

static unsigned send_flood(struct blast *blast, uint64_t began, uint64_t now)
{
    struct stream *flood = &blast->flood;
    return flood->count == 0 ? 0
           : flood->rate > 0 ? send_due(blast, flood, began, now)
                             : send_queries(blast, flood, BATCH, now, 0);
}

static void give_up(struct stream *stream)
{
    stream->lost += stream->in_flight;
    stream->in_flight = 0;
    memset(stream->sent_at, 0, sizeof(stream->sent_at));
}

/* In the closed loop, queries are lost if nothing arrives for a while. */
static uint64_t run(struct blast *blast)
{
    uint64_t began = now_ns(), now = began, heard = began;
    uint64_t real_from = blast->flood.count > 0 ? began + SECOND / 2 : began;
    uint64_t end = blast->limit > 0 ? UINT64_MAX : real_from + (uint64_t)(blast->seconds * 1e9);
    while (now < end &&
           (blast->limit == 0 || blast->real.answered + blast->real.lost < blast->limit)) {
        unsigned sent = now < real_from ? 0 : send_real(blast, real_from, now);
        sent += send_flood(blast, began, now);
        (void)xsk_flush(&blast->xsk);
        unsigned received = receive(blast);
        if (sent + received == 0) {
            wait_for_answers(blast, 1);
        }
        now = now_ns();
        if (received > 0) {
            heard = now;
        } else if (blast->real.rate == 0 && now - heard > GRACE_MS * (SECOND / 1000)) {
            give_up(&blast->real);
            heard = now;
        }
    }
    for (uint64_t left = now + GRACE_MS * (SECOND / 1000);
         now_ns() < left && blast->real.in_flight > 0;) {
        (void)xsk_flush(&blast->xsk);
        if (receive(blast) == 0) {
            wait_for_answers(blast, 1);
        }
    }
    give_up(&blast->real);
    give_up(&blast->flood);
    return now - began;
}

static int percentile(const struct blast *blast, double share)
{
    uint64_t seen = 0;
    int us = 0;
    while (us < BUCKETS - 1 &&
           (double)(seen += blast->histogram[us]) < share * (double)blast->real.answered) {
        us++;
    }
    return us;
}

static void print(const struct blast *blast, double wall, struct demand used)
{
    const struct stream *real = &blast->real, *flood = &blast->flood;
    double answered = real->answered > 0 ? (double)real->answered : 1;
    printf(
        "{\"qps\": %.0f, \"answered\": %ju, \"lost\": %ju, \"truncated\": %ju, \"octets\": %.0f, ",
        answered / wall, (uintmax_t)real->answered, (uintmax_t)real->lost,
        (uintmax_t)real->truncated, (double)real->octets / answered);
    printf("\"p50\": %d, \"p99\": %d, \"p999\": %d, \"noerror\": %ju, \"nxdomain\": %ju, ",
           percentile(blast, 0.5), percentile(blast, 0.99), percentile(blast, 0.999),
           (uintmax_t)real->rcode[0], (uintmax_t)real->rcode[3]);
    printf("\"cpu\": %.4f, \"user\": %.4f", used.total * 1e6 / answered,
           used.user * 1e6 / answered);
    if (flood->count > 0) {
        printf(", \"flood\": %.0f, \"flood_answered\": %.0f, \"flood_truncated\": %.0f, "
               "\"busy\": %.3f",
               (double)flood->sent / wall, (double)flood->answered / wall,
               (double)flood->truncated / wall, used.total / wall);
    }
    printf("}\n");
}

/* -- the line -- */

static void fail(const struct diag *diag)
{
    (void)fprintf(stderr, "xblast: %s\n", diag->text);
    exit(1);
}

static size_t add_targets(const struct blast *blast, const struct stream *stream,
                          struct xdp_target *targets)
{
    size_t count = stream->count == 0 ? 0 : stream->spread ? NETWORKS : 1;
    for (size_t i = 0; i < count; i++) {
        struct in_addr address = source(blast, stream, i);
        targets[i] = (struct xdp_target){ .endpoint = { .address = address_from_ipv4(
                                                            (const uint8_t *)&address),
                                                        .port = stream->port } };
    }
    return count;
}

static void open_line(struct blast *blast, const char *interface)
{
    static struct xdp_target targets[2 * NETWORKS];
    struct xdp_place place = { .queue = 0 };
    struct diag diag;
    (void)snprintf(place.interface, sizeof(place.interface), "%s", interface);
    size_t count = add_targets(blast, &blast->real, targets);
    count += add_targets(blast, &blast->flood, targets + count);
    if (xdp_interface_look(&blast->interface, &place, &diag) != RESULT_OK ||
        xdp_program_load(&blast->program, blast->interface.mac, targets, count, &diag) !=
            RESULT_OK ||
        xdp_program_attach(&blast->program, blast->interface.index, &diag) != RESULT_OK ||
        xsk_open(&blast->xsk, blast->interface.index, 0, false, &diag) != RESULT_OK ||
        xdp_program_steer(&blast->program, 0, blast->xsk.fd, &diag) != RESULT_OK) {
        fail(&diag);
    }
}

static void read_mac(uint8_t *mac, const char *text)
{
    unsigned octets[6];
    if (sscanf(text, "%x:%x:%x:%x:%x:%x", &octets[0], &octets[1], &octets[2], &octets[3],
               &octets[4], &octets[5]) != 6) {
        exit(2);
    }
    for (int i = 0; i < 6; i++) {
        mac[i] = (uint8_t)octets[i];
    }
}

static void read_stream(struct stream *stream, const char *file, uint16_t port, uint8_t network)
{
    stream->port = port;
    stream->network = network;
    if (file != NULL) {
        stream->queries = read_queries(file, &stream->count);
    }
}

/* Returns the interface, or NULL. */
static const char *read_options(struct blast *blast, int argc, char **argv)
{
    const char *texts[128] = { ['I'] = "", ['m'] = "", ['A'] = "" };
    double number[128] = { ['d'] = 5, ['w'] = 128 };
    int letter;
    while ((letter = getopt(argc, argv, "i:I:m:A:p:f:d:n:w:r:xF:R:P:N:")) != -1) {
        if (letter == '?') {
            return NULL;
        }
        texts[letter] = optarg;
        number[letter] = optarg != NULL ? strtod(optarg, NULL) : 1;
    }
    read_stream(&blast->real, texts['f'], REAL_PORT, 10);
    read_stream(&blast->flood, texts['F'], FLOOD_PORT, 11);
    read_mac(blast->server_mac, texts['m']);
    blast->server_port = (uint16_t)number['p'];
    blast->seconds = number['d'];
    blast->limit = (uint64_t)number['n'];
    blast->window = (uint64_t)number['w'];
    blast->real.rate = number['r'];
    blast->real.spread = number['r'] > 0;
    blast->real.fresh = number['x'] != 0;
    blast->flood.rate = number['R'];
    blast->flood.spread = blast->flood.fresh = true;
    blast->pids[0] = (int)number['P'];
    blast->pids[1] = (int)number['N'];
    blast->random = now_ns() | 1;
    bool ok = inet_pton(AF_INET, texts['I'], &blast->here) == 1 &&
              inet_pton(AF_INET, texts['A'], &blast->server) == 1 && blast->server_port != 0 &&
              blast->real.count > 0;
    return ok ? texts['i'] : NULL;
}

static struct demand demand_of_all(const struct blast *blast)
{
    struct demand sum = { 0 };
    for (int i = 0; i < 2 && blast->pids[i] > 0; i++) {
        struct demand one = demand_of(blast->pids[i]);
        sum.total += one.total;
        sum.user += one.user;
    }
    return sum;
}

int main(int argc, char **argv)
{
    static struct blast blast;
    const char *interface = read_options(&blast, argc, argv);
    if (interface == NULL) {
        (void)fputs("use: see the beginning of xblast.c\n", stderr);
        return 2;
    }
    open_line(&blast, interface);
    struct demand before = demand_of_all(&blast);
    double wall = (double)run(&blast) / 1e9;
    struct demand after = demand_of_all(&blast);
    print(&blast, wall, (struct demand){ after.total - before.total, after.user - before.user });
    bool answered = blast.real.answered > 0;
    xsk_close(&blast.xsk);
    xdp_program_close(&blast.program);
    return answered ? 0 : 1;
}
