/* The exchange with the probes: a thread that takes in the reports of vantage points
 * (zone/verdicts/intake.h) and writes the feed of members for them (zone/verdicts/feed.h). It also
 * keeps the history short, and counts the members for it (zone/overview/poolhistory.h). Each side
 * only reads the files of the other. */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include "zone/base/log.h"
#include "zone/verdicts/intake.h"

enum {
    /* Between two looks at journals and registry: EXCHANGE_REST times as long as the last one took,
     * within these bounds. */
    EXCHANGE_REST = 3,
    EXCHANGE_POLL_MS = 100,
    EXCHANGE_REST_MS = 1000,
    /* Between two feeds: EXCHANGE_FEED_REST times as long as the last one took, at least this. */
    EXCHANGE_FEED_REST = 100,
    EXCHANGE_FEED_MS = 300,
    /* Between two removals of verdicts without a member and of old samples. */
    EXCHANGE_TIDY_MS = 60000
};

struct thread;
struct exchange;

struct exchange_sources {
    const char *state_dir;
    /* Without health nothing is taken in. */
    struct intake_stores stores;
    log_sink *log; /* called from the thread */
};

struct exchange *exchange_new(const struct exchange_sources *sources);
enum result exchange_start(struct exchange *exchange, struct diag *diag);
/* To see whether it moves. */
const struct thread *exchange_thread(const struct exchange *exchange);
/* NULL is fine. */
void exchange_free(struct exchange *exchange);

#endif
