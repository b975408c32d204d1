/* The sockets that the service manager keeps while ntspoold restarts (sd_listen_fds(3), FDSTORE of
 * sd_notify(3)). Queries and connections wait in them, and the next process answers them.
 *
 * Sockets are kept by worker, under names like worker-3, so that they stay in the order in which
 * they were bound (server/io/affinity.h). Nothing else that comes with them is trusted: each is
 * taken only if it is just like one that this process would have made. */
#ifndef SERVER_KEPT_H
#define SERVER_KEPT_H

#include "zone/base/address.h"
#include "zone/base/notify.h"

enum {
    KEPT_WORKERS_MAX = 256,
    KEPT_MAX = 32768 /* sockets; a service manager that passes more does not mean us */
};

struct kept_socket {
    int fd; /* -1: taken */
    int type;
    unsigned worker;
    struct endpoint endpoint;
};

struct kept {
    struct kept_socket *sockets;
    size_t count;
    unsigned workers; /* that have a name, from worker-0 on */
};

/* Takes what the service manager passes to this process, and clears the environment of it. Without
 * a service manager there is nothing. */
void kept_open(struct kept *out);
/* Closes what nobody took. */
void kept_close(struct kept *kept);
/* How many sockets of the endpoint are there. `type`: SOCK_DGRAM or SOCK_STREAM. */
size_t kept_count(const struct kept *kept, const struct endpoint *endpoint, int type);
/* The socket that the worker had, for the caller; -1: none. */
int kept_take(struct kept *kept, const struct endpoint *endpoint, int type, unsigned worker);
/* A socket that no present worker had, for the caller; -1: none is left. To be called when all
 * workers have taken theirs. */
int kept_take_left(struct kept *kept, const struct endpoint *endpoint, int type);

/* Lets the service manager keep the sockets of a worker from now on. False: it does not read its
 * messages. */
bool kept_store(const struct notify *notify, unsigned worker, const int *fds, size_t count);
/* Lets it close all that it keeps of the worker. */
bool kept_forget(const struct notify *notify, unsigned worker);

#endif
