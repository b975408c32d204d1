/* The threads of qblast. They keep queries in flight over UDP or TCP and count the results. */
#ifndef BENCH_QLANE_H
#define BENCH_QLANE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "qfile.h"

enum {
    QLANE_BATCH = 64,
    QLANE_SOCKETS = 64,
    QLANE_BUCKETS = 1000000 /* of the latency histogram, one microsecond each */
};

/* The work of all threads. The options of qblast (qblast.c) explain the fields. */
struct plan {
    struct sockaddr_in server;
    struct query *queries;
    size_t query_count;
    size_t begin;  /* the first query to send */
    double rate;   /* queries a second of the open loop; 0: closed loop */
    uint64_t sent; /* stop after this many; 0: when `stop` is set */
    int grace_ms;  /* at the end: time without an answer until open queries count as lost */
    bool sleeps;   /* in the open loop: sleeps until the next query is due */
    int sockets, window, threads;
    bool tcp, spread, fresh;
    atomic_bool stop;
};

struct lane;

/* The caller zeroes it, then sets plan, number, cursor and random (not 0). */
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

/* Thread function for pthread_create. Runs until the plan says stop, then until no more answers
 * arrive. */
void *qlane_work(void *worker);

#endif
