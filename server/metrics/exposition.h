/* All metrics of the server as text. Label values come from fixed lists, from the options and from
 * the number of workers, never from a query: their number is bounded. Waits for nobody. */
#ifndef SERVER_EXPOSITION_H
#define SERVER_EXPOSITION_H

#include "server/dnstap/dnstap.h"
#include "server/metrics/poolpart.h"
#include "server/metrics/process.h"
#include "server/upkeep/refresh.h"

struct exposition_sources {
    /* Those of UDP, then as many of TCP. */
    struct worker *const *workers;
    size_t worker_count;
    struct answer_cache *answers;
    const struct refresh_facts *facts;
    const struct dnstap *dnstap;  /* NULL: none */
    const char *const *locations; /* paths */
    size_t location_count;
    struct poolpart *pool;
    struct process process;
};

void exposition_write(struct openmetrics *om, const struct exposition_sources *sources);

#endif
