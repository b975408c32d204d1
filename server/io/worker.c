#include "server/io/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/io/listen.h"

enum {
    TICK_MS = 1000
};

static void on_tick(uv_timer_t *tick)
{
    struct worker *worker = tick->data;
    thread_move(&worker->thread);
}

static void on_stop(uv_async_t *stop)
{
    struct worker *worker = stop->data;
    for (size_t i = 0; i < worker->udp_count + worker->retired_count; i++) {
        udp_close(&worker->udp[i]);
    }
    worker->udp_count = worker->retired_count = 0;
    for (struct xdp_queue *queue = worker->xdp; queue != NULL; queue = queue->next) {
        xdp_queue_close(queue);
    }
    worker->xdp = NULL;
    tcp_close(worker->tcp);
    uv_close((uv_handle_t *)stop, NULL);
    uv_close((uv_handle_t *)&worker->drain, NULL);
    uv_close((uv_handle_t *)&worker->tick, NULL);
}

static void on_drain(uv_async_t *drain)
{
    struct worker *worker = drain->data;
    bool ends = atomic_load(&worker->ends);
    worker->handler.closing = true;
    for (size_t i = 0; !ends && i < worker->udp_count; i++) {
        udp_retire(&worker->udp[i]);
    }
    tcp_drain(worker->tcp, ends);
}

/* The socket that the worker had before, or else a new one. */
static enum result get_socket(int *out, const struct worker_parts *parts,
                              const struct endpoint *endpoint, int type, struct diag *diag)
{
    int fd = kept_take(parts->kept, endpoint, type, parts->number);
    if (fd < 0) {
        TRY(listen_socket(&fd, endpoint, type, diag));
    }
    *out = fd;
    return RESULT_OK;
}

static enum result open_sockets(struct worker *worker, const struct worker_parts *parts,
                                struct diag *diag)
{
    for (size_t i = 0; i < parts->listen_count; i++) {
        const struct endpoint *endpoint = &parts->listen[i];
        int fd = -1;
        if (parts->udp) {
            TRY(get_socket(&fd, parts, endpoint, SOCK_DGRAM, diag));
            udp_open(&worker->udp[worker->udp_count++], worker->udp_shared, endpoint, fd);
        }
        if (parts->tcp) {
            TRY(get_socket(&fd, parts, endpoint, SOCK_STREAM, diag));
            TRY(tcp_listen(worker->tcp, endpoint, fd, diag));
        }
    }
    return RESULT_OK;
}

enum result worker_new(struct worker **out, const struct worker_parts *parts,
                       struct counters *counters, struct diag *diag)
{
    struct worker *worker = xcalloc(1, sizeof(*worker));
    enum result result = handler_init(&worker->handler, &parts->handler, counters, diag);
    thread_init(&worker->thread);
    CHECK(uv_loop_init(&worker->loop) == 0);
    CHECK(uv_async_init(&worker->loop, &worker->stop, on_stop) == 0);
    CHECK(uv_async_init(&worker->loop, &worker->drain, on_drain) == 0);
    CHECK(uv_timer_init(&worker->loop, &worker->tick) == 0);
    worker->stop.data = worker->drain.data = worker->tick.data = worker;
    worker->udp_shared = xmalloc(sizeof(*worker->udp_shared));
    worker->udp_shared->loop = &worker->loop;
    worker->udp_shared->handler = &worker->handler;
    worker->udp_shared->tap = parts->tap;
    size_t sockets_max = parts->listen_count + parts->kept->count;
    worker->udp = xcalloc(sockets_max, sizeof(*worker->udp));
    worker->tcp =
        tcp_new(&worker->loop, &worker->handler, parts->tap, parts->tcp_connections, sockets_max);
    if (result == RESULT_OK) {
        result = open_sockets(worker, parts, diag);
    }
    if (result != RESULT_OK) {
        worker_free(worker);
        return result;
    }
    *out = worker;
    return RESULT_OK;
}

enum result worker_take_left(struct worker *worker, const struct worker_parts *parts,
                             struct diag *diag)
{
    for (size_t i = 0; i < parts->listen_count; i++) {
        const struct endpoint *endpoint = &parts->listen[i];
        int fd = -1;
        while (parts->udp && (fd = kept_take_left(parts->kept, endpoint, SOCK_DGRAM)) >= 0) {
            struct udp_socket *udp = &worker->udp[worker->udp_count + worker->retired_count++];
            udp_open(udp, worker->udp_shared, endpoint, fd);
            udp_retire(udp);
        }
        while (parts->tcp && (fd = kept_take_left(parts->kept, endpoint, SOCK_STREAM)) >= 0) {
            TRY(tcp_listen(worker->tcp, endpoint, fd, diag));
        }
    }
    return RESULT_OK;
}

int worker_socket(const struct worker *worker, size_t at)
{
    return at < worker->udp_count ? worker->udp[at].fd
                                  : tcp_listener(worker->tcp, at - worker->udp_count);
}

/* Waits for queries on the worker's UDP sockets and queues of interfaces, answers them, and gives
 * the loop its turn when it has something to do. */
struct waiting {
    struct pollfd *list; /* the loop, then UDP sockets, then queues */
    size_t count;
};

static struct waiting waiting_new(const struct worker *worker)
{
    size_t sockets = worker->udp_count + worker->retired_count, count = 1 + sockets;
    for (const struct xdp_queue *queue = worker->xdp; queue != NULL; queue = queue->next) {
        count++;
    }
    struct pollfd *list = xcalloc(count, sizeof(*list)), *next = list;
    *next++ = (struct pollfd){ uv_backend_fd(&worker->loop), POLLIN, 0 };
    for (size_t i = 0; i < sockets; i++) {
        *next++ = (struct pollfd){ worker->udp[i].fd, POLLIN, 0 };
    }
    for (const struct xdp_queue *queue = worker->xdp; queue != NULL; queue = queue->next) {
        *next++ = (struct pollfd){ queue->xsk.fd, POLLIN, 0 };
    }
    return (struct waiting){ list, count };
}

static void serve(const struct worker *worker, const struct pollfd *ready)
{
    for (size_t i = 0; i < worker->udp_count + worker->retired_count; i++, ready++) {
        if (ready->revents != 0) {
            udp_serve(&worker->udp[i]);
        }
    }
    for (struct xdp_queue *queue = worker->xdp; queue != NULL; queue = queue->next, ready++) {
        if (ready->revents != 0) {
            xdp_queue_serve(queue);
        }
    }
}

/* UDP sockets are not in the loop's epoll set. A socket there calls back into the set for each
 * datagram that leaves it, since it may be waited for to become writable: that is a tenth of the
 * cost of a query. poll(2) is only in the way while the worker sleeps. */
static void *run(void *arg)
{
    struct worker *worker = arg;
    CHECK(uv_timer_start(&worker->tick, on_tick, TICK_MS, TICK_MS) == 0);
    struct waiting waiting = waiting_new(worker);
    bool alive = true;
    while (alive) {
        uv_update_time(&worker->loop);
        int timeout = uv_backend_timeout(&worker->loop);
        int ready = poll(waiting.list, waiting.count, timeout);
        if (ready > 0) {
            serve(worker, waiting.list + 1);
        }
        if (ready <= 0 || timeout == 0 || waiting.list[0].revents != 0) {
            alive = uv_run(&worker->loop, UV_RUN_NOWAIT) != 0;
            if (worker->udp_count + worker->retired_count == 0 && worker->xdp == NULL) {
                waiting.count = 1; /* there never were others, or they are closed now */
            }
        }
    }
    free(waiting.list);
    return NULL;
}

enum result worker_start(struct worker *worker, struct diag *diag)
{
    return thread_start(&worker->thread, run, worker, diag);
}

void worker_drain(struct worker *worker, bool ends)
{
    atomic_store(&worker->ends, ends);
    (void)uv_async_send(&worker->drain);
}

bool worker_is_drained(const struct worker *worker)
{
    return tcp_is_drained(worker->tcp);
}

void worker_hang_up(const struct worker *worker, int instead)
{
    int fd = -1;
    for (size_t i = 0; (fd = tcp_listener(worker->tcp, i)) >= 0; i++) {
        (void)dup3(instead, fd, O_CLOEXEC);
    }
}

void worker_free(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    if (worker->thread.running) {
        (void)uv_async_send(&worker->stop);
        thread_end(&worker->thread);
    } else {
        on_stop(&worker->stop);
        (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    }
    CHECK(uv_loop_close(&worker->loop) == 0);
    tcp_free(worker->tcp);
    handler_done(&worker->handler);
    thread_done(&worker->thread);
    free(worker->udp);
    free(worker->udp_shared);
    free(worker);
}
