/* One worker: a thread with its own loop, its own sockets of UDP or TCP (SO_REUSEPORT) and its own
 * handler (server/answering/handler.h). */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "server/io/tcp.h"
#include "server/io/udp.h"
#include "zone/base/thread.h"

struct worker {
    struct thread thread;
    uv_loop_t loop;
    uv_async_t stop, drain;
    uv_timer_t tick; /* shows that the loop moves */
    struct handler handler;
    struct udp_shared *udp_shared;
    struct udp_socket *udp; /* one for each address to listen on */
    size_t udp_count;
    struct tcp_server *tcp;
};

/* The parts of a worker; the pointers outlive it. */
struct worker_parts {
    struct handler_parts handler;
    struct tap *tap; /* NULL: none */
    const struct endpoint *listen;
    size_t listen_count;
    bool udp, tcp;            /* which sockets it has */
    unsigned tcp_connections; /* at most, TCP_CONNECTIONS_MAX or fewer */
};

/* Opens the sockets; nothing runs yet. Takes over a reference of the counters and begins with their
 * zone state. SYSTEM with the address that can't be listened on. */
enum result worker_new(struct worker **out, const struct worker_parts *parts,
                       struct counters *counters, struct diag *diag);
enum result worker_start(struct worker *worker, struct diag *diag);
/* Another process has sockets on the same addresses and answers: takes no more queries. The worker
 * is drained when those that it has are answered. Any thread. */
void worker_drain(struct worker *worker);
bool worker_is_drained(const struct worker *worker);
/* Gives up the worker's TCP listeners at once, before worker_free of one worker after the other:
 * the kernel would spread connections over those that are left. `instead` is any descriptor. */
void worker_hang_up(const struct worker *worker, int instead);
/* Stops the thread, if it runs, and frees everything. */
void worker_free(struct worker *worker);

#endif
