/* Counting: collects what the workers handed out, keeps it in state/traffic, and says what the
 * demand is. Has a thread of its own, so that a slow disk holds up neither answers nor changes. */
#ifndef SERVER_COLLECTOR_H
#define SERVER_COLLECTOR_H

#include "server/state/counters.h"
#include "zone/base/log.h"

enum {
    COLLECTOR_WRITE_MS = 60000 /* between two writes; a killed server has lost at most that */
};

struct collector;

struct collector_sources {
    struct store *registry;
    struct store *traffic; /* NULL: what is counted is forgotten at the end */
    log_sink *log;         /* called from the thread and at the end */
};

/* Reads what was counted before. DAMAGED if it can't be read. */
enum result collector_new(struct collector **out, const struct collector_sources *sources,
                          struct diag *diag);
enum result collector_start(struct collector *collector, struct diag *diag);
/* After the last tally was given back by its worker: counts that too and writes. */
void collector_free(struct collector *collector);

/* A tally of the view for a worker, who gets a reference. Any thread. */
struct counters *collector_counters(struct collector *collector, struct zone_state *zone);
/* All that was counted until now: demand by cell of the locations (NULL: the world's), and what the
 * newest deal gave. Any thread. */
struct demand collector_demand(struct collector *collector, const struct locations *locations,
                               uint64_t now);
/* What the thread does when it is time: counts, forgets members that are gone, writes. */
void collector_write(struct collector *collector, uint64_t now);

#endif
