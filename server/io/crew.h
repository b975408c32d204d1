/* All workers of a server, and their sockets together: who of two servers gets the queries, and
 * what the service manager keeps for the next one.
 *
 * Worker i of UDP and worker i of TCP have the sockets that are kept as worker-i
 * (server/io/kept.h). */
#ifndef SERVER_CREW_H
#define SERVER_CREW_H

#include "server/io/worker.h"

struct crew {
    struct worker **workers; /* those of UDP, then as many of TCP */
    size_t count;
};

/* Steers queries to this server. `former`: sockets on an address of the server before this one,
 * while that one runs; 0 otherwise. `by_cpu`: --socket-affinity. SYSTEM if the kernel refuses. */
enum result crew_steer(const struct crew *crew, unsigned former, bool by_cpu, struct diag *diag);
/* Drains all workers, see worker_drain. */
void crew_drain(const struct crew *crew, bool ends);
bool crew_is_drained(const struct crew *crew);
/* The end by a signal: who has a TCP connection gets the answers to what was asked. UDP is answered
 * all the while. */
void crew_finish(const struct crew *crew);
/* Gives up all TCP listeners: what waits there goes to the successor. */
void crew_hang_up(const struct crew *crew);
/* Lets the service manager keep the sockets of this server instead of those that it has, of
 * `kept_workers` workers. False: it does not read its messages. */
bool crew_keep(const struct crew *crew, const struct notify *notify, unsigned kept_workers);
/* Ends all workers and frees them. */
void crew_free(struct crew *crew);

#endif
