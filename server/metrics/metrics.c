#include "server/metrics/metrics.h"

#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zone/base/clock.h"

enum {
    NICE = 10,
    LOOK_MS = 200,  /* at the end, and at connections that last too long */
    IDLE_S = 5,     /* without an octet */
    KEPT_MS = 1000, /* how long a text is used */
    FORMATS = OPENMETRICS_1_0 + 1
};

/* A connection and when it came; fd -1: none. */
struct scraper {
    int fd;
    uint64_t since;
};

struct listener {
    struct metrics *metrics;
    int fd;
    struct MHD_Daemon *daemon; /* NULL: not started */
    struct scraper scrapers[METRICS_CONNECTIONS];
};

struct kept_text {
    struct MHD_Response *response; /* NULL: none yet */
    uint64_t made_at;              /* ms of clock_steady_ms */
};

struct metrics {
    struct exposition_sources sources;
    struct listener listeners[METRICS_SOCKETS_MAX];
    size_t listener_count;
    struct kept_text kept[FORMATS];
    struct thread thread;
};

static struct MHD_Response *text_response(const char *text, const char *type)
{
    char *copy = xstrdup(text); /* MHD takes no constant */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), copy, MHD_RESPMEM_MUST_FREE);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
    struct MHD_Response *response = text_response(text, "text/plain; charset=utf-8");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* The text of now, or of less than a second ago. NULL: it is too long. */
static struct MHD_Response *current_text(struct metrics *metrics, enum openmetrics_format format)
{
    struct kept_text *kept = &metrics->kept[format];
    uint64_t now = clock_steady_ms();
    if (kept->response != NULL && now - kept->made_at < KEPT_MS) {
        return kept->response;
    }
    struct openmetrics om;
    openmetrics_init(&om, format);
    exposition_write(&om, &metrics->sources);
    if (!openmetrics_end(&om)) {
        openmetrics_done(&om);
        return NULL;
    }
    if (kept->response != NULL) {
        MHD_destroy_response(kept->response);
    }
    kept->response = MHD_create_response_from_buffer(om.len, om.text, MHD_RESPMEM_MUST_FREE);
    kept->made_at = now;
    (void)MHD_add_response_header(kept->response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  openmetrics_content_type(format));
    (void)MHD_add_response_header(kept->response, MHD_HTTP_HEADER_CONNECTION, "close");
    return kept->response;
}

static enum openmetrics_format wanted_format(struct MHD_Connection *connection)
{
    const char *accept =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    return accept != NULL && strstr(accept, "application/openmetrics-text") != NULL
               ? OPENMETRICS_1_0
               : OPENMETRICS_PROMETHEUS;
}

/* MHD calls it when it has read the head of a request. */
/* NOLINTNEXTLINE(readability-function-size): the parameters are MHD's */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *, const char *, size_t *, void **)
{
    struct metrics *metrics = context;
    if (strcmp(url, "/metrics") != 0) {
        return refuse(connection, MHD_HTTP_NOT_FOUND, "metrics are at /metrics\n");
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "metrics can only be read\n");
    }
    struct MHD_Response *response = current_text(metrics, wanted_format(connection));
    return response == NULL
               ? refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "the metrics are too many\n")
               : MHD_queue_response(connection, MHD_HTTP_OK, response);
}

/* Notes connections that come and go. */
static void on_connection(void *context, struct MHD_Connection *connection, void **,
                          enum MHD_ConnectionNotificationCode what)
{
    struct listener *listener = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    bool came = what == MHD_CONNECTION_NOTIFY_STARTED;
    int fd = info == NULL ? -1 : info->connect_fd;
    for (size_t i = 0; i < METRICS_CONNECTIONS; i++) {
        struct scraper *scraper = &listener->scrapers[i];
        if (scraper->fd == (came ? -1 : fd)) {
            *scraper = (struct scraper){ came ? fd : -1, clock_steady() };
            return;
        }
    }
}

/* MHD only ends connections that are silent. It ends these when it next looks at them. */
static void end_long_connections(const struct listener *listener)
{
    uint64_t now = clock_steady();
    for (size_t i = 0; i < METRICS_CONNECTIONS; i++) {
        const struct scraper *scraper = &listener->scrapers[i];
        if (scraper->fd >= 0 && now - scraper->since > METRICS_CONNECTION_S) {
            (void)shutdown(scraper->fd, SHUT_RDWR);
        }
    }
}

/* What MHD writes about requests that it refuses; anybody could fill the log with it. */
static void ignore(void *, const char *, va_list)
{
}

static enum result start_listener(struct listener *listener, struct diag *diag)
{
    for (size_t i = 0; i < METRICS_CONNECTIONS; i++) {
        listener->scrapers[i].fd = -1;
    }
    listener->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, listener->metrics, MHD_OPTION_EXTERNAL_LOGGER,
        ignore, NULL, MHD_OPTION_LISTEN_SOCKET, listener->fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)METRICS_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)2 * METRICS_REQUEST_MAX,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)1024, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, listener, MHD_OPTION_END);
    return listener->daemon != NULL
               ? RESULT_OK
               : diag_fail(diag, RESULT_SYSTEM, "metrics can't be served: no HTTP server");
}

static void *run(void *arg)
{
    struct metrics *metrics = arg;
    struct pollfd waits[METRICS_SOCKETS_MAX];
    (void)setpriority(PRIO_PROCESS, 0, NICE); /* of this thread; a refusal is no error */
    for (size_t i = 0; i < metrics->listener_count; i++) {
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(metrics->listeners[i].daemon, MHD_DAEMON_INFO_EPOLL_FD);
        waits[i] = (struct pollfd){ .fd = info->epoll_fd, .events = POLLIN };
    }
    while (thread_pause(&metrics->thread, 0)) {
        int timeout = LOOK_MS;
        for (size_t i = 0; i < metrics->listener_count; i++) {
            MHD_UNSIGNED_LONG_LONG due = 0;
            (void)MHD_run(metrics->listeners[i].daemon);
            end_long_connections(&metrics->listeners[i]);
            if (MHD_get_timeout(metrics->listeners[i].daemon, &due) == MHD_YES &&
                due < (unsigned)timeout) {
                timeout = (int)due;
            }
        }
        (void)poll(waits, metrics->listener_count, timeout);
    }
    return NULL;
}

enum result metrics_new(struct metrics **out, const struct metrics_places *places,
                        const struct exposition_sources *sources,
                        const struct poolpart_sources *pool, struct diag *diag)
{
    *out = NULL;
    if (places->count == 0) {
        return RESULT_OK;
    }
    struct metrics *metrics = xcalloc(1, sizeof(*metrics));
    metrics->sources = *sources;
    metrics->sources.pool = poolpart_new(pool);
    process_open(&metrics->sources.process);
    thread_init(&metrics->thread);
    enum result result = RESULT_OK;
    for (size_t i = 0; i < places->count && result == RESULT_OK; i++) {
        struct listener *listener = &metrics->listeners[i];
        listener->metrics = metrics;
        result = metrics_socket_open(&listener->fd, places->places[i], places->user,
                                     places->takeover, diag);
        metrics->listener_count += result == RESULT_OK;
    }
    if (result != RESULT_OK) {
        metrics_free(metrics);
        return result;
    }
    *out = metrics;
    return RESULT_OK;
}

enum result metrics_start(struct metrics *metrics, struct diag *diag)
{
    if (metrics == NULL) {
        return RESULT_OK;
    }
    for (size_t i = 0; i < metrics->listener_count; i++) {
        TRY(start_listener(&metrics->listeners[i], diag));
    }
    return thread_start(&metrics->thread, run, metrics, diag);
}

const struct thread *metrics_thread(const struct metrics *metrics)
{
    return metrics != NULL ? &metrics->thread : NULL;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    thread_end(&metrics->thread);
    for (size_t i = 0; i < metrics->listener_count; i++) {
        struct listener *listener = &metrics->listeners[i];
        if (listener->daemon != NULL) {
            MHD_stop_daemon(listener->daemon); /* closes the socket */
        } else {
            (void)close(listener->fd);
        }
    }
    for (size_t i = 0; i < FORMATS; i++) {
        if (metrics->kept[i].response != NULL) {
            MHD_destroy_response(metrics->kept[i].response);
        }
    }
    process_close(&metrics->sources.process);
    poolpart_free(metrics->sources.pool);
    thread_done(&metrics->thread);
    free(metrics);
}
