#include "server/io/crew.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "server/io/affinity.h"

enum {
    DRAIN_LOOKS = 40 /* of 10 ms, at TCP connections at the end */
};

/* The sockets of one worker stand for their SO_REUSEPORT groups. Those of the server before this
 * one come first in a group, as long as it runs. It gives up its UDP sockets when this one is
 * ready. But it has to accept what waits at its TCP listeners, so new connections go to this one
 * from now on. */
enum result crew_steer(const struct crew *crew, unsigned former, bool by_cpu, struct diag *diag)
{
    unsigned half = (unsigned)crew->count / 2;
    const struct worker *udp = crew->workers[0], *tcp = crew->workers[half];
    for (size_t i = 0; i < udp->udp_count; i++) {
        int listener = tcp_listener(tcp->tcp, i);
        if (former == 0) {
            affinity_release(listener);
            affinity_release(udp->udp[i].fd); /* it may be a kept one */
        } else {
            TRY(affinity_steer(listener, former, half, false, diag));
        }
        if (by_cpu) {
            TRY(affinity_steer(udp->udp[i].fd, former, half, true, diag));
        }
    }
    return RESULT_OK;
}

void crew_drain(const struct crew *crew, bool ends)
{
    for (size_t i = 0; i < crew->count; i++) {
        worker_drain(crew->workers[i], ends);
    }
}

bool crew_is_drained(const struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        if (!worker_is_drained(crew->workers[i])) {
            return false;
        }
    }
    return true;
}

void crew_finish(const struct crew *crew)
{
    const struct timespec pause = { .tv_nsec = 10000000 };
    crew_drain(crew, true);
    for (unsigned i = 0; i < DRAIN_LOOKS && !crew_is_drained(crew); i++) {
        (void)nanosleep(&pause, NULL);
    }
}

void crew_hang_up(const struct crew *crew)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; null >= 0 && i < crew->count; i++) {
        worker_hang_up(crew->workers[i], null);
    }
}

/* The sockets of one worker. */
static bool keep_worker(const struct worker *worker, const struct notify *notify, unsigned number)
{
    int fds[NOTIFY_FDS_MAX];
    size_t count = 0, at = 0;
    bool sent = true;
    for (int fd = 0; sent && (fd = worker_socket(worker, at)) >= 0; at++) {
        fds[count++] = fd;
        if (count == NOTIFY_FDS_MAX) {
            sent = kept_store(notify, number, fds, count);
            count = 0;
        }
    }
    return sent && kept_store(notify, number, fds, count);
}

bool crew_keep(const struct crew *crew, const struct notify *notify, unsigned kept_workers)
{
    unsigned half = (unsigned)crew->count / 2;
    bool sent = true;
    for (unsigned i = 0; sent && i < kept_workers; i++) {
        sent = kept_forget(notify, i);
    }
    for (unsigned i = 0; sent && i < 2 * half; i++) {
        sent = keep_worker(crew->workers[i], notify, i % half);
    }
    return sent;
}

void crew_free(struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        worker_free(crew->workers[i]);
    }
    free(crew->workers);
    *crew = (struct crew){ .workers = NULL };
}
