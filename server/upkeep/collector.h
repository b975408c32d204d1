/* The collector: adds up what the workers counted, keeps the sums in state/traffic, and tells the
 * demand; in a fleet, that of all machines (zone/fleet/fleettraffic.h). It has a thread of its own,
 * so that a slow disk delays neither answers nor changes. */
#ifndef SERVER_COLLECTOR_H
#define SERVER_COLLECTOR_H

#include "server/io/worker.h"
#include "server/state/counters.h"
#include "server/upkeep/fleetstore.h"
#include "zone/base/log.h"

enum {
    COLLECTOR_WRITE_MS = 60000 /* between two writes; a killed server loses at most as much */
};

struct thread;
struct collector;

struct collector_sources {
    struct store *registry;
    struct store *traffic;    /* NULL: the sums are lost at the end */
    struct fleetstore *fleet; /* what other machines were asked for; NULL: there are none */
    log_sink *log;            /* called from the thread and at the end */
};

/* Reads the sums of before. DAMAGED if they can't be read. */
enum result collector_new(struct collector **out, const struct collector_sources *sources,
                          struct diag *diag);
/* Starts the thread. It also counts what the workers receive: collector_stop comes before their
 * end. */
enum result collector_start(struct collector *collector, struct worker *const *workers,
                            size_t count, struct diag *diag);
/* Ends the thread and counts the workers' messages a last time. NULL is fine. */
void collector_stop(struct collector *collector);
/* To see whether it moves. */
const struct thread *collector_thread(const struct collector *collector);
/* After the workers have given back their counters. Adds these up and writes. */
void collector_free(struct collector *collector);

/* New counters of the zone state, with a reference for the worker. Any thread. */
struct counters *collector_counters(struct collector *collector, struct zone_state *zone);
/* The demand until now, by cell of the locations (NULL: the one cell of the world), and the answers
 * of the newest deal. Any thread. */
struct demand collector_demand(struct collector *collector, const struct locations *locations,
                               uint64_t now);
/* One round of the thread: adds up, forgets members that are gone, writes, and reads what other
 * machines tell. */
void collector_write(struct collector *collector, uint64_t now);

#endif
