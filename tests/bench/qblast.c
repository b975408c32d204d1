/* qblast: a closed-loop DNS load generator over UDP.
 *
 * Reads a query file ([u16 big-endian length][DNS message]...), sends the messages round robin from several
 * sockets with a fixed number of queries outstanding per socket (sendmmsg/recvmmsg), and prints answered
 * queries a second, losses, response codes, truncations, mean answer size, latency percentiles and, with
 * -P PID, the CPU time that the server used per answered query (the figure that holds on a noisy machine).
 *
 * build: cc -O2 -pthread -o qblast qblast.c
 * use:   qblast -s 127.0.0.1 -p 5300 -f queries.bin [-t threads] [-c sockets/thread] [-w window] [-d seconds] [-P pid]
 */
#ifndef _GNU_SOURCE
#    define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_WINDOW = 64,
    MSG_SIZE = 4096,
    HIST = 20000
};

struct query {
    uint8_t *data;
    uint16_t len;
};
static struct query *queries;
static size_t query_count;
static struct sockaddr_storage server;
static socklen_t server_len;
static int sockets_per_thread = 4, window = 32;
static double seconds = 5;
static atomic_bool stop;

struct worker {
    pthread_t thread;
    size_t start;
    uint64_t sent, answered, lost, bytes, truncated, rcode[16];
    uint32_t hist[HIST]; /* one bucket is 1 microsecond */
};

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct slot {
    uint64_t sent_at;
    uint16_t id;
};

struct lane {
    int fd;
    int outstanding;
    uint16_t next_id;
    uint64_t sent_at[65536];
    uint64_t oldest;
};

static void send_some(struct worker *w, struct lane *l, size_t *cursor)
{
    static _Thread_local uint8_t buf[MAX_WINDOW][MSG_SIZE];
    struct mmsghdr mm[MAX_WINDOW];
    struct iovec iov[MAX_WINDOW];
    int n = window - l->outstanding;
    if (n <= 0)
        return;
    memset(mm, 0, sizeof(mm));
    uint64_t t = now_ns();
    uint16_t first = l->next_id;
    for (int i = 0; i < n; i++) {
        const struct query *q = &queries[*cursor];
        *cursor = (*cursor + 1) % query_count;
        memcpy(buf[i], q->data, q->len);
        uint16_t id = l->next_id++;
        buf[i][0] = id >> 8;
        buf[i][1] = id & 0xff;
        iov[i] = (struct iovec){ buf[i], q->len };
        mm[i].msg_hdr.msg_iov = &iov[i];
        mm[i].msg_hdr.msg_iovlen = 1;
        l->sent_at[id] = t;
    }
    int r = sendmmsg(l->fd, mm, (unsigned)n, 0);
    if (r < 0)
        r = 0;
    for (int i = r; i < n; i++)
        l->sent_at[(uint16_t)(first + i)] = 0;
    l->outstanding += r;
    w->sent += (uint64_t)r;
}

static void receive_some(struct worker *w, struct lane *l)
{
    static _Thread_local uint8_t buf[MAX_WINDOW][MSG_SIZE];
    struct mmsghdr mm[MAX_WINDOW];
    struct iovec iov[MAX_WINDOW];
    memset(mm, 0, sizeof(mm));
    for (int i = 0; i < MAX_WINDOW; i++) {
        iov[i] = (struct iovec){ buf[i], MSG_SIZE };
        mm[i].msg_hdr.msg_iov = &iov[i];
        mm[i].msg_hdr.msg_iovlen = 1;
    }
    int r = recvmmsg(l->fd, mm, MAX_WINDOW, MSG_DONTWAIT, NULL);
    uint64_t t = now_ns();
    for (int i = 0; i < r; i++) {
        if (mm[i].msg_len < 12 || !(buf[i][2] & 0x80))
            continue;
        uint16_t id = (uint16_t)(buf[i][0] << 8 | buf[i][1]);
        if (l->sent_at[id] == 0)
            continue;
        uint64_t us = (t - l->sent_at[id]) / 1000;
        l->sent_at[id] = 0;
        l->outstanding--;
        w->hist[us < HIST ? us : HIST - 1]++;
        w->answered++;
        w->bytes += mm[i].msg_len;
        w->rcode[buf[i][3] & 15]++;
        w->truncated += (buf[i][2] >> 1) & 1;
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct lane *lanes = calloc((size_t)sockets_per_thread, sizeof(*lanes));
    struct pollfd *pfd = calloc((size_t)sockets_per_thread, sizeof(*pfd));
    size_t cursor = w->start;
    for (int i = 0; i < sockets_per_thread; i++) {
        int fd = socket(server.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        int size = 4 << 20;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (fd < 0 || connect(fd, (struct sockaddr *)&server, server_len) != 0) {
            perror("qblast: socket");
            exit(1);
        }
        lanes[i].fd = fd;
        pfd[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
    }
    while (!atomic_load(&stop)) {
        for (int i = 0; i < sockets_per_thread; i++)
            send_some(w, &lanes[i], &cursor);
        int r = poll(pfd, (nfds_t)sockets_per_thread, 100);
        if (r == 0) { /* nothing for 100 ms: what is outstanding is lost */
            for (int i = 0; i < sockets_per_thread; i++) {
                w->lost += (uint64_t)lanes[i].outstanding;
                lanes[i].outstanding = 0;
                memset(lanes[i].sent_at, 0, sizeof(lanes[i].sent_at));
            }
            continue;
        }
        for (int i = 0; i < sockets_per_thread; i++)
            if (pfd[i].revents)
                receive_some(w, &lanes[i]);
        /* A lane with queries older than a second has lost them. */
        uint64_t t = now_ns();
        for (int i = 0; i < sockets_per_thread; i++) {
            struct lane *l = &lanes[i];
            if (t - l->oldest < 1000000000u)
                continue;
            l->oldest = t;
            for (unsigned id = 0; id < 65536; id++)
                if (l->sent_at[id] && t - l->sent_at[id] > 1000000000u) {
                    l->sent_at[id] = 0;
                    l->outstanding--;
                    w->lost++;
                }
        }
    }
    return NULL;
}

static double cpu_seconds(int pid, double *sys)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return -1;
    size_t n = fread(line, 1, sizeof(line) - 1, f);
    fclose(f);
    line[n] = 0;
    char *p = strrchr(line, ')');
    unsigned long u = 0, s = 0;
    if (!p || sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s) != 2)
        return -1;
    *sys = (double)s / (double)sysconf(_SC_CLK_TCK);
    return (double)(u + s) / (double)sysconf(_SC_CLK_TCK);
}

static void load(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    size_t room = 0;
    uint8_t head[2];
    while (fread(head, 1, 2, f) == 2) {
        uint16_t len = (uint16_t)(head[0] << 8 | head[1]);
        if (query_count == room)
            queries = realloc(queries, (room = room ? room * 2 : 1024) * sizeof(*queries));
        queries[query_count].len = len;
        queries[query_count].data = malloc(len);
        if (len > MSG_SIZE || fread(queries[query_count].data, 1, len, f) != len)
            break;
        query_count++;
    }
    fclose(f);
    if (!query_count) {
        fprintf(stderr, "qblast: %s holds no queries\n", path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1", *file = NULL;
    int port = 53, threads = 1, pid = 0, opt;
    while ((opt = getopt(argc, argv, "s:p:f:t:c:w:d:P:")) != -1)
        switch (opt) {
        case 's':
            host = optarg;
            break;
        case 'p':
            port = atoi(optarg);
            break;
        case 'f':
            file = optarg;
            break;
        case 't':
            threads = atoi(optarg);
            break;
        case 'c':
            sockets_per_thread = atoi(optarg);
            break;
        case 'w':
            window = atoi(optarg);
            break;
        case 'd':
            seconds = atof(optarg);
            break;
        case 'P':
            pid = atoi(optarg);
            break;
        default:
            return 2;
        }
    if (!file || window < 1 || window > MAX_WINDOW || threads < 1 || sockets_per_thread < 1) {
        fprintf(stderr, "use: qblast -s addr -p port -f queries.bin [-t threads] [-c sockets] [-w "
                        "1..64] [-d s] [-P pid]\n");
        return 2;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)&server;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&server;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        server_len = sizeof(*v4);
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        server_len = sizeof(*v6);
    } else {
        fprintf(stderr, "qblast: bad address %s\n", host);
        return 2;
    }
    load(file);
    struct worker *ws = calloc((size_t)threads, sizeof(*ws));
    double sys0 = 0, sys1 = 0, cpu0 = pid ? cpu_seconds(pid, &sys0) : 0;
    uint64_t t0 = now_ns();
    for (int i = 0; i < threads; i++) {
        ws[i].start = query_count / (size_t)threads * (size_t)i;
        pthread_create(&ws[i].thread, NULL, work, &ws[i]);
    }
    usleep((useconds_t)(seconds * 1e6));
    atomic_store(&stop, 1);
    for (int i = 0; i < threads; i++)
        pthread_join(ws[i].thread, NULL);
    double wall = (double)(now_ns() - t0) / 1e9;
    double cpu1 = pid ? cpu_seconds(pid, &sys1) : 0;
    struct worker sum = { 0 };
    for (int i = 0; i < threads; i++) {
        sum.sent += ws[i].sent;
        sum.answered += ws[i].answered;
        sum.lost += ws[i].lost;
        sum.bytes += ws[i].bytes;
        sum.truncated += ws[i].truncated;
        for (int r = 0; r < 16; r++)
            sum.rcode[r] += ws[i].rcode[r];
        for (int h = 0; h < HIST; h++)
            sum.hist[h] += ws[i].hist[h];
    }
    printf("qps %.0f  answered %lu  lost %lu  tc %lu  size %.0f", (double)sum.answered / wall,
           sum.answered, sum.lost, sum.truncated,
           sum.answered ? (double)sum.bytes / (double)sum.answered : 0);
    double marks[] = { 0.5, 0.99, 0.999 };
    uint64_t seen = 0;
    size_t m = 0;
    for (int h = 0; h < HIST && m < 3; h++) {
        seen += sum.hist[h];
        while (m < 3 && seen && (double)seen >= marks[m] * (double)sum.answered) {
            printf("  p%g %dus", marks[m] * 100, h);
            m++;
        }
    }
    for (int r = 0; r < 16; r++)
        if (sum.rcode[r])
            printf("  rcode%d %lu", r, sum.rcode[r]);
    if (pid && cpu0 >= 0 && cpu1 >= 0 && sum.answered)
        printf("  server_cpu_us/query %.2f (sys %.2f)  server_cores %.2f",
               (cpu1 - cpu0) * 1e6 / (double)sum.answered,
               (sys1 - sys0) * 1e6 / (double)sum.answered, (cpu1 - cpu0) / wall);
    printf("\n");
    return sum.answered ? 0 : 1;
}
