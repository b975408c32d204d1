/* The threads of qblast: they keep queries in flight over UDP or TCP and count the results. */
#ifndef BENCH_QLANE_H
#define BENCH_QLANE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QLANE_BATCH = 64,
    QLANE_SOCKETS = 64,
    QLANE_BUCKETS = 1000000, /* of the latency histogram, a microsecond each */
    QUERY_ROOM = 512
};

struct query {
    uint8_t data[QUERY_ROOM];
    uint16_t len;
};

/* What all threads do; qblast's options say more. */
struct plan {
    struct sockaddr_in server;
    struct query *queries;
    size_t query_count;
    double rate;   /* queries a second of the open loop; 0: closed loop */
    uint64_t sent; /* stop after this many; 0: when `stop` is set */
    int grace_ms;  /* without an answer, at the end, until open queries count as lost */
    bool sleeps;   /* in the open loop, until the next query is due */
    int sockets, window, threads;
    bool tcp, spread, fresh;
    atomic_bool stop;
};

struct lane;

/* Zeroed but for plan, number, cursor and random (not 0). */
struct worker {
    struct plan *plan;
    pthread_t thread;
    int number;
    struct lane *lanes;
    size_t cursor;
    uint64_t random;
    uint64_t sent, answered, lost, octets, truncated, rcode[16];
    uint32_t histogram[QLANE_BUCKETS];
};

uint64_t now_ns(void);
_Noreturn void die(const char *what);

/* The thread's work, for pthread_create: until the plan says stop, and then until nothing more
 * comes. */
void *qlane_work(void *worker);

#endif
