#include "server/dnstap/dnstap.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/dnstap/frame_stream.h"
#include "zone/base/clock.h"
#include "zone/base/thread.h"
#include "zone/base/unixsocket.h"
#include "zone/base/version.h"

enum {
    ROUND_MS = 10, /* between two looks at the queues */
    RETRY_MS = 1000,
    GOODBYE_MS = 200, /* for the last frames */
    NICE = 10
};

struct dnstap {
    struct thread thread;
    struct frame_stream *stream; /* NULL: nobody reads */
    struct frame_origin origin;
    const char *path;
    atomic_bool connected;
    unsigned tap_count;
    struct tap *taps;
    uint64_t retry_at_ms, end_at_ms;
    log_sink *log;
    struct log_once trouble;
};

enum result dnstap_check(const char *where, struct diag *diag)
{
    const char *path = unixsocket_path(where);
    if (!frame_stream_is_built()) {
        return diag_fail(diag, RESULT_INVALID, "this ntspoold was built without dnstap");
    }
    if (path == NULL) {
        return diag_fail(diag, RESULT_INVALID, "dnstap takes unix:PATH, not \"%s\"", where);
    }
    return unixsocket_check(path, diag);
}

struct dnstap *dnstap_new(const struct dnstap_parts *parts)
{
    struct dnstap *dnstap = xcalloc(1, sizeof(*dnstap));
    char version[FRAME_TEXT_MAX + 1], host[HOST_NAME_MAX + 1] = "";
    const char *identity = parts->identity;
    if (identity == NULL) {
        (void)gethostname(host, sizeof(host) - 1);
        identity = host;
    }
    (void)snprintf(version, sizeof(version), "ntspoold %s", version_text());
    frame_origin_set(&dnstap->origin, identity, version);
    dnstap->path = unixsocket_path(parts->where);
    dnstap->log = parts->log;
    dnstap->tap_count = parts->taps;
    dnstap->taps = xcalloc(parts->taps, sizeof(*dnstap->taps));
    for (unsigned i = 0; i < parts->taps; i++) {
        tap_init(&dnstap->taps[i], parts->sample, &dnstap->origin, &dnstap->connected);
    }
    thread_init(&dnstap->thread);
    return dnstap;
}

struct tap *dnstap_tap(struct dnstap *dnstap, unsigned at)
{
    return dnstap != NULL ? &dnstap->taps[at] : NULL;
}

struct dnstap_totals dnstap_totals(const struct dnstap *dnstap)
{
    struct dnstap_totals totals = { 0 };
    for (unsigned i = 0; dnstap != NULL && i < dnstap->tap_count; i++) {
        totals.frames += atomic_load_explicit(&dnstap->taps[i].frames, memory_order_relaxed);
        totals.dropped += atomic_load_explicit(&dnstap->taps[i].dropped, memory_order_relaxed);
    }
    return totals;
}

/* While the reader keeps us waiting: until the server ends, and then for a moment. */
static bool goes_on(void *arg)
{
    struct dnstap *dnstap = arg;
    if (thread_pause(&dnstap->thread, 0)) {
        return true;
    }
    uint64_t now_ms = clock_steady_ms();
    dnstap->end_at_ms = dnstap->end_at_ms == 0 ? now_ms + GOODBYE_MS : dnstap->end_at_ms;
    return now_ms < dnstap->end_at_ms;
}

static void disconnect(struct dnstap *dnstap)
{
    atomic_store(&dnstap->connected, false);
    frame_stream_close(dnstap->stream);
    dnstap->stream = NULL;
    dnstap->retry_at_ms = clock_steady_ms() + RETRY_MS;
}

static void connect_reader(struct dnstap *dnstap)
{
    const struct frame_stream_owner owner = { goes_on, dnstap };
    struct diag diag = { "" };
    if (clock_steady_ms() < dnstap->retry_at_ms) {
        return;
    }
    if (frame_stream_open(&dnstap->stream, dnstap->path, &owner, &diag) != RESULT_OK) {
        disconnect(dnstap);
        log_once(&dnstap->trouble, dnstap->log, LOG_WARNING, NULL,
                 "dnstap: %s; tries again each second", diag.text);
        return;
    }
    atomic_store(&dnstap->connected, true);
    (void)diag_fail(&diag, RESULT_OK, "dnstap: %s reads", dnstap->path);
    log_once_news(&dnstap->trouble, dnstap->log, diag.text);
}

static void lose_reader(struct dnstap *dnstap)
{
    disconnect(dnstap);
    log_once(&dnstap->trouble, dnstap->log, LOG_WARNING, NULL,
             "dnstap: the reader of %s has gone; tries again each second", dnstap->path);
}

/* Passes on frames of one tap. Returns their number. */
static unsigned pass_on(struct dnstap *dnstap, struct tap *tap)
{
    struct iovec frames[STREAM_FRAMES];
    unsigned count = frame_queue_take(&tap->queue, frames, STREAM_FRAMES);
    if (count == 0) {
        return 0;
    }
    bool written = frame_stream_write(dnstap->stream, frames, count);
    (void)atomic_fetch_add_explicit(written ? &tap->frames : &tap->dropped, count,
                                    memory_order_relaxed);
    frame_queue_release(&tap->queue);
    if (!written) {
        lose_reader(dnstap);
    }
    return count;
}

/* One look at all queues. True if there may be more. */
static bool look(struct dnstap *dnstap)
{
    bool more = false;
    for (unsigned i = 0; i < dnstap->tap_count && dnstap->stream != NULL; i++) {
        more |= pass_on(dnstap, &dnstap->taps[i]) == STREAM_FRAMES;
    }
    return more && dnstap->stream != NULL;
}

static void *run(void *arg)
{
    struct dnstap *dnstap = arg;
    (void)setpriority(PRIO_PROCESS, 0, NICE); /* of this thread; a refusal is no error */
    bool more = false;
    while (thread_pause(&dnstap->thread, more ? 0 : ROUND_MS)) {
        if (dnstap->stream != NULL && frame_stream_has_ended(dnstap->stream)) {
            lose_reader(dnstap);
        }
        if (dnstap->stream == NULL) {
            connect_reader(dnstap);
        }
        more = look(dnstap);
    }
    while (look(dnstap) && goes_on(dnstap)) {
    }
    disconnect(dnstap);
    return NULL;
}

enum result dnstap_start(struct dnstap *dnstap, struct diag *diag)
{
    return dnstap != NULL ? thread_start(&dnstap->thread, run, dnstap, diag) : RESULT_OK;
}

const struct thread *dnstap_thread(const struct dnstap *dnstap)
{
    return dnstap != NULL ? &dnstap->thread : NULL;
}

void dnstap_free(struct dnstap *dnstap)
{
    if (dnstap == NULL) {
        return;
    }
    thread_done(&dnstap->thread);
    for (unsigned i = 0; i < dnstap->tap_count; i++) {
        tap_done(&dnstap->taps[i]);
    }
    free(dnstap->taps);
    free(dnstap);
}
