/* dnstap: the workers' taps, and the thread that writes their frames to a reader's UNIX socket as
 * Frame Streams.
 *
 * The thread connects, and connects again each second while nobody reads. A reader that stops
 * reading holds up this thread and nothing else. */
#ifndef SERVER_DNSTAP_H
#define SERVER_DNSTAP_H

#include "server/dnstap/tap.h"
#include "zone/base/log.h"

struct dnstap_parts {
    const char *where; /* as given to --dnstap; dnstap_check has accepted it */
    unsigned sample;   /* one batch in so many */
    unsigned taps;
    const char *identity; /* NULL: the name of this machine */
    log_sink *log;
};

struct dnstap_totals {
    uint64_t frames, dropped;
};

/* `where` is "unix:PATH". INVALID for anything else, and for everything in a build without
 * dnstap. */
enum result dnstap_check(const char *where, struct diag *diag);

/* `where` outlives it. */
struct dnstap *dnstap_new(const struct dnstap_parts *parts);
/* Nothing if `dnstap` is NULL. */
enum result dnstap_start(struct dnstap *dnstap, struct diag *diag);
/* Number `at`; NULL if `dnstap` is. */
struct tap *dnstap_tap(struct dnstap *dnstap, unsigned at);
/* Of all taps since the start; zeros if `dnstap` is NULL. Any thread. */
struct dnstap_totals dnstap_totals(const struct dnstap *dnstap);
/* NULL for NULL. */
const struct thread *dnstap_thread(const struct dnstap *dnstap);
/* When the workers have ended. A reader that reads gets all frames, for at most a fifth of a
 * second. */
void dnstap_free(struct dnstap *dnstap);

#endif
