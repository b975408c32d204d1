/* The exchange with the probes: a thread that takes in what vantage points report
 * (zone/verdicts/intake.h) and writes the feed that they follow (zone/verdicts/feed.h). It also
 * keeps the history short. Each side only reads the other's files. */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include "zone/base/log.h"
#include "zone/verdicts/intake.h"

enum {
    EXCHANGE_POLL_MS = 100,   /* between looks at journals and registry, at least; */
    EXCHANGE_REST = 3,        /* and so many times as long as the last one took, */
    EXCHANGE_REST_MS = 1000,  /* but no longer */
    EXCHANGE_FEED_MS = 300,   /* between two feeds, at least; */
    EXCHANGE_FEED_REST = 100, /* and so many times as long as the last one took to make */
    EXCHANGE_TIDY_MS =
        60000 /* between looks at what is over: verdicts without a member, old samples */
};

struct exchange;

struct exchange_sources {
    const char *state_dir;
    /* Without health nothing is taken in. */
    struct intake_stores stores;
    log_sink *log; /* called from the thread */
};

struct exchange *exchange_new(const struct exchange_sources *sources);
enum result exchange_start(struct exchange *exchange, struct diag *diag);
/* NULL is fine. */
void exchange_free(struct exchange *exchange);

#endif
