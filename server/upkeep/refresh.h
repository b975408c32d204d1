/* The refresher: a thread that looks for changes in registry, health, keys and the location files,
 * builds a new view, signed ahead, and hands it to every worker. */
#ifndef SERVER_REFRESH_H
#define SERVER_REFRESH_H

#include "server/io/worker.h"
#include "server/upkeep/collector.h"
#include "zone/base/log.h"

enum {
    REFRESH_POLL_MS = 100,  /* how often the stores' versions are compared */
    REFRESH_PAUSE_MS = 400, /* between two views */
    REFRESH_FILE_MS = 2000  /* how often the location files are looked at, and the stores' files */
};

struct refresh;

struct refresh_sources {
    struct store *registry, *health, *keys;
    struct store *traffic,
        *history; /* only taken up when they were replaced; NULL: there is none */
    const struct seal *seal;
    struct sigcache *cache;
    struct collector *collector;  /* makes the workers' tallies, knows the demand */
    const char *const *locations; /* paths of location files */
    size_t location_count;        /* at most LOCATIONS_FILES_MAX */
    log_sink *log;                /* called from the refresher's thread */
};

/* Opens read transactions and builds the first view. */
enum result refresh_new(struct refresh **out, const struct refresh_sources *sources,
                        struct diag *diag);
/* The newest view; valid until refresh_start. */
struct zone_state *refresh_zone_state(const struct refresh *refresh);
/* Runs until refresh_free. The workers must outlive it. */
enum result refresh_start(struct refresh *refresh, struct worker *const *workers, size_t count,
                          struct diag *diag);
void refresh_free(struct refresh *refresh);

#endif
