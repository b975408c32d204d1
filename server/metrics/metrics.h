/* The metrics over HTTP, for Prometheus and for `ntspool stats`: GET and HEAD of /metrics on the
 * sockets of --metrics (server/metrics/metrics_socket.h), and nothing else.
 *
 * A thread of its own serves them, at nice 10. It reads counters and stores, and waits for no other
 * thread. A
 * text is kept for a second, so that no number of scrapes makes work. A connection serves one
 * request, of at most METRICS_REQUEST_MAX octets, and lasts METRICS_CONNECTION_S at most. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "server/metrics/exposition.h"
#include "server/metrics/metrics_socket.h"
#include "zone/base/thread.h"

enum {
    METRICS_CONNECTIONS = 4,    /* at once, on each socket */
    METRICS_REQUEST_MAX = 2048, /* octets of a request's head, about */
    METRICS_CONNECTION_S = 10
};

struct metrics;

/* Where to listen, and as metrics_socket_open takes it. */
struct metrics_places {
    const char *const *places;
    size_t count; /* at most METRICS_SOCKETS_MAX */
    const char *user;
    bool takeover;
};

/* Opens the sockets, before the process gives up its rights. Without any, *out is NULL. What the
 * sources point to must outlive it; those of process and pool are set here. */
enum result metrics_new(struct metrics **out, const struct metrics_places *places,
                        const struct exposition_sources *sources,
                        const struct poolpart_sources *pool, struct diag *diag);
enum result metrics_start(struct metrics *metrics, struct diag *diag);
/* NULL for NULL. */
const struct thread *metrics_thread(const struct metrics *metrics);
/* Ends the thread and closes the sockets. */
void metrics_free(struct metrics *metrics);

#endif
