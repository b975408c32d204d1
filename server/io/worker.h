/* One worker: a thread with its own loop, its own sockets of UDP or TCP (SO_REUSEPORT) and its own
 * handler (server/answering/handler.h). */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "server/io/kept.h"
#include "server/io/tcp.h"
#include "server/io/udp.h"
#include "server/io/xdp.h"
#include "zone/base/thread.h"

struct worker {
    struct thread thread;
    uv_loop_t loop;
    uv_async_t stop, drain;
    atomic_bool ends; /* how to drain */
    uv_timer_t tick;  /* shows that the loop moves */
    struct handler handler;
    struct udp_shared *udp_shared;
    struct udp_socket *udp; /* one for each address to listen on, then retired ones */
    size_t udp_count, retired_count;
    struct xdp_queue *xdp; /* the first of its queues of interfaces, or NULL */
    struct tcp_server *tcp;
};

/* The parts of a worker; the pointers outlive it. */
struct worker_parts {
    struct handler_parts handler;
    struct tap *tap; /* NULL: none */
    const struct endpoint *listen;
    size_t listen_count;
    struct kept *kept;        /* sockets of the process before this one */
    unsigned number;          /* of the worker among those of its kind */
    bool udp, tcp;            /* which sockets it has */
    unsigned tcp_connections; /* at most, TCP_CONNECTIONS_MAX or fewer */
};

/* Opens the sockets; nothing runs yet. Takes over a reference of the counters and begins with their
 * zone state. SYSTEM with the address that can't be listened on. */
enum result worker_new(struct worker **out, const struct worker_parts *parts,
                       struct counters *counters, struct diag *diag);
/* Takes the sockets that are left, of workers that are no more: answers what waits there. UDP
 * sockets get no more queries. TCP listeners do; they take their share as long as they are kept.
 */
enum result worker_take_left(struct worker *worker, const struct worker_parts *parts,
                             struct diag *diag);
/* Socket number `at` of those that the next process can go on with; -1 if there are fewer. */
int worker_socket(const struct worker *worker, size_t at);
enum result worker_start(struct worker *worker, struct diag *diag);
/* Another process has sockets on the same addresses and answers: takes no more queries. The worker
 * is drained when those that it has are answered. `ends`: this server ends, and answers UDP until
 * then; only its TCP connections are drained. Any thread. */
void worker_drain(struct worker *worker, bool ends);
bool worker_is_drained(const struct worker *worker);
/* Gives up the worker's TCP listeners at once, before worker_free of one worker after the other:
 * the kernel would spread connections over those that are left. `instead` is any descriptor. */
void worker_hang_up(const struct worker *worker, int instead);
/* Stops the thread, if it runs, and frees everything. */
void worker_free(struct worker *worker);

#endif
