/* qblast: a DNS load generator.
 *
 * Sends the messages of a query file ([u16 big-endian length][DNS message]...) round robin and
 * prints one line of JSON: answered and lost queries, response codes, truncations, mean answer
 * size, latencies, and, with -P, the CPU time a process used per answered query.
 *
 *   closed loop  (default) each socket keeps -w queries in flight
 *   open loop    -r RATE a second on a fixed schedule; latency counts from the scheduled time, so
 *                that a stall shows in every query that it delayed
 *   TCP          -T: connections of 100 queries each, pipelined, -w in flight
 *
 * use: qblast -p PORT -f FILE [-d SECONDS] [-n QUERIES] [-c SOCKETS] [-w 1..64] [-t THREADS]
 *             [-r RATE] [-s] [-g MS] [-T] [-a] [-k] [-o N] [-x] [-P PID]
 *
 *   -a  send each query from another /24 of 127/8
 *   -d  duration; SIGINT ends the run earlier
 *   -g  at the end, milliseconds without an answer until open queries count as lost (200)
 *   -k  send a valid cookie (RFC 9018)
 *   -n  each thread stops after this many queries
 *   -o  begin with query number N of the file (0)
 *   -s  sleep in the open loop, for at most a millisecond
 *   -t  threads, each on its own CPU
 *   -x  vary the 12 hex digits after the first letter of the name in each query */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "qlane.h"

enum {
    ROOM = 4096,
    COOKIE = 10, /* the option's code, RFC 7873 */
    COOKIE_LEN = 24
};

_Static_assert(4 + COOKIE_LEN <= QUERY_MORE, "a query has room for a cookie");

struct options {
    struct plan plan;
    const char *file;
    double seconds;
    int pid;
    bool cookie;
};

/* -- queries -- */

/* Appends a cookie option to the message. Its last record must be OPT, with or without options. */
static void add_cookie(struct query *query, const uint8_t *cookie, uint8_t len)
{
    size_t at = 12;
    while (query->data[at] != 0) {
        at += 1u + query->data[at];
    }
    uint8_t *rdlen =
        query->data + at + 5 + 9; /* RDLENGTH of the OPT record, which follows the question */
    unsigned value = (unsigned)(rdlen[0] << 8 | rdlen[1]) + 4 + len;
    rdlen[0] = (uint8_t)(value >> 8);
    rdlen[1] = (uint8_t)value;
    uint8_t *option = query->data + query->len;
    memcpy(option, (const uint8_t[]){ 0, COOKIE, 0, len }, 4);
    memcpy(option + 4, cookie, len);
    query->len = (uint16_t)(query->len + 4 + len);
}

/* Gets a cookie from the server and adds it to all queries. */
static void add_cookies(struct plan *plan)
{
    uint8_t cookie[COOKIE_LEN] = "qblast/1", answer[ROOM];
    struct query first = plan->queries[0];
    struct timeval second = { .tv_sec = 1 };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    add_cookie(&first, cookie, 8);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
    (void)sendto(fd, first.data, first.len, 0, (const struct sockaddr *)&plan->server,
                 sizeof(plan->server));
    ssize_t len = recv(fd, answer, sizeof(answer), 0);
    const uint8_t *found = len < 0 ? NULL : memmem(answer, (size_t)len, cookie, 8);
    if (found == NULL || found + COOKIE_LEN > answer + len) {
        (void)fputs("qblast: the server gives no cookie\n", stderr);
        exit(1);
    }
    memcpy(cookie, found, COOKIE_LEN);
    (void)close(fd);
    for (size_t i = 0; i < plan->query_count; i++) {
        add_cookie(&plan->queries[i], cookie, COOKIE_LEN);
    }
}

/* -- figures -- */

static void add(struct worker *sum, const struct worker *w)
{
    sum->sent += w->sent;
    sum->answered += w->answered;
    sum->lost += w->lost;
    sum->octets += w->octets;
    sum->truncated += w->truncated;
    for (int i = 0; i < 16; i++) {
        sum->rcode[i] += w->rcode[i];
    }
    for (int i = 0; i < QLANE_BUCKETS; i++) {
        sum->histogram[i] += w->histogram[i];
    }
}

static int percentile(const struct worker *sum, double share)
{
    uint64_t seen = 0;
    int us = 0;
    while (us < QLANE_BUCKETS - 1 &&
           (double)(seen += sum->histogram[us]) < share * (double)sum->answered) {
        us++;
    }
    return us;
}

static void print(const struct worker *sum, double wall, struct demand used)
{
    double answered = sum->answered > 0 ? (double)sum->answered : 1;
    printf(
        "{\"qps\": %.0f, \"answered\": %ju, \"lost\": %ju, \"truncated\": %ju, \"octets\": %.0f, ",
        answered / wall, (uintmax_t)sum->answered, (uintmax_t)sum->lost, (uintmax_t)sum->truncated,
        (double)sum->octets / answered);
    printf("\"p50\": %d, \"p99\": %d, \"p999\": %d, ", percentile(sum, 0.5), percentile(sum, 0.99),
           percentile(sum, 0.999));
    printf("\"noerror\": %ju, \"nxdomain\": %ju, ", (uintmax_t)sum->rcode[0],
           (uintmax_t)sum->rcode[3]);
    printf("\"cpu\": %.4f, \"user\": %.4f}\n", used.total * 1e6 / answered,
           used.user * 1e6 / answered);
}

/* Every option except -f is a number or a switch. A switch sets 1. */
static bool read_options(struct options *options, int argc, char **argv)
{
    double number[128] = { ['d'] = 5, ['c'] = 4, ['w'] = 32, ['t'] = 1, ['g'] = 200 };
    int letter;
    while ((letter = getopt(argc, argv, "p:f:d:n:c:w:t:r:g:o:sTakxP:")) != -1) {
        if (letter == '?') {
            return false;
        }
        if (letter == 'f') {
            options->file = optarg;
        }
        number[letter] = optarg != NULL ? strtod(optarg, NULL) : 1;
    }
    options->seconds = number['d'];
    options->pid = (int)number['P'];
    options->cookie = number['k'] != 0;
    struct plan *plan = &options->plan;
    plan->server = (struct sockaddr_in){ .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)number['p']),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    plan->rate = number['r'];
    plan->sent = (uint64_t)number['n'];
    plan->begin = (size_t)number['o'];
    plan->sockets = (int)number['c'];
    plan->window = (int)number['w'];
    plan->threads = (int)number['t'];
    plan->grace_ms = (int)number['g'];
    plan->sleeps = number['s'] != 0;
    plan->tcp = number['T'] != 0;
    plan->spread = number['a'] != 0;
    plan->fresh = number['x'] != 0;
    return plan->server.sin_port != 0 && options->file != NULL && plan->window > 0 &&
           plan->window <= QLANE_BATCH && plan->threads > 0 && plan->sockets > 0 &&
           plan->sockets <= QLANE_SOCKETS;
}

static void on_interrupt(int)
{
}

/* Runs the threads and returns the sums of their counters. */
static struct worker *run(struct plan *plan, double seconds)
{
    struct worker *workers = calloc((size_t)plan->threads, sizeof(*workers));
    struct worker *sum = calloc(1, sizeof(*sum));
    sigset_t interrupt;
    (void)sigemptyset(&interrupt);
    (void)sigaddset(&interrupt, SIGINT);
    (void)signal(SIGINT, on_interrupt); /* ends the sleep below */
    (void)pthread_sigmask(SIG_BLOCK, &interrupt, NULL);
    for (int i = 0; i < plan->threads; i++) {
        workers[i].plan = plan;
        workers[i].number = i;
        workers[i].cursor = plan->begin + plan->query_count / (size_t)plan->threads * (size_t)i;
        workers[i].random = (now_ns() | 1) * (uint64_t)(2 * i + 1);
        (void)pthread_create(&workers[i].thread, NULL, qlane_work, &workers[i]);
    }
    (void)pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL);
    if (plan->sent == 0) {
        (void)usleep((useconds_t)(seconds * 1e6));
        atomic_store(&plan->stop, true);
    }
    for (int i = 0; i < plan->threads; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        add(sum, &workers[i]);
    }
    free(workers);
    return sum;
}

int main(int argc, char **argv)
{
    static struct options options;
    struct demand before = { 0 }, after = { 0 };
    if (!read_options(&options, argc, argv)) {
        (void)fputs("use: see the beginning of qblast.c\n", stderr);
        return 2;
    }
    options.plan.queries = read_queries(options.file, &options.plan.query_count);
    if (options.cookie) {
        add_cookies(&options.plan);
    }
    if (options.pid > 0) {
        before = demand_of(options.pid);
    }
    uint64_t began = now_ns();
    struct worker *sum = run(&options.plan, options.seconds);
    double wall = (double)(now_ns() - began) / 1e9;
    if (options.pid > 0) {
        after = demand_of(options.pid);
    }
    print(sum, wall, (struct demand){ after.total - before.total, after.user - before.user });
    bool answered = sum->answered > 0;
    free(sum);
    return answered ? 0 : 1;
}
