/* How ntspoold does: for its service manager a status line, and that all of its threads still move;
 * for its log what it has counted. */
#ifndef SERVER_VITALS_H
#define SERVER_VITALS_H

#include "server/dnstap/dnstap.h"
#include "server/keys/keymgr.h"
#include "server/metrics/metrics.h"
#include "server/upkeep/exchange.h"
#include "server/upkeep/refresh.h"
#include "zone/base/notify.h"

enum {
    /* A thread that stands still for longer hangs. A worker waits for nobody. The refresher may
     * read large stores. The others may wait for a store that a command has locked, which a restart
     * would not end. While a thread hangs that no answer depends on, of metrics or dnstap, the
     * watchdog is fed all the same. */
    VITALS_WORKER_MS = 10000,
    VITALS_REFRESHER_MS = 300000,
    VITALS_OTHERS_MS = 3600000,
    VITALS_BYSTANDER_MS = 10000,
    VITALS_BEAT_MS = 1000,
    VITALS_STATUS_MS = 5000
};

struct vitals {
    const struct notify *notify;
    struct worker *const *workers;
    size_t worker_count;
    const struct refresh *refresh;
    const struct collector *collector;
    const struct exchange *exchange; /* NULL: none */
    const struct keymgr *keymgr;     /* NULL: none */
    struct dnstap *dnstap;           /* NULL: none */
    const struct metrics *metrics;   /* NULL: none */
    const char *pool;
    log_sink *log;
    uint64_t beat_at, status_at, queries;
    struct log_once still; /* a thread stands still */
};

/* Names the thread that has stood still for too long, of those that answers depend on. NULL: all
 * move. */
const char *vitals_still(const struct vitals *vitals);
/* Feeds the watchdog and renews the status line when it is time to. From the main thread, several
 * times a second. */
void vitals_look(struct vitals *vitals);
/* Logs the counts of messages, and those of dnstap. */
void vitals_log_counts(const struct vitals *vitals);

#endif
