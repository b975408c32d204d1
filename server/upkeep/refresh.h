/* The refresher: a thread that looks for changes of registry, health, keys and location files,
 * builds a new zone state with its records signed ahead, and publishes it to every worker. */
#ifndef SERVER_REFRESH_H
#define SERVER_REFRESH_H

#include "server/io/worker.h"
#include "server/upkeep/collector.h"
#include "server/upkeep/dealer.h"
#include "zone/base/log.h"

enum {
    REFRESH_POLL_MS = 100,  /* between two looks at the versions of the stores */
    REFRESH_PAUSE_MS = 400, /* between two zone states */
    REFRESH_FILE_MS = 2000  /* between two looks at the files of locations and stores */
};

struct thread;
struct refresh;

/* Facts about the zone state in use and the work on it. The refresher writes them, any thread may
 * read. Times are Unix seconds. */
struct refresh_facts {
    atomic_uint_fast64_t waits_since_ms;   /* by the monotonic clock: a change that is not in the
                                              answers was seen; 0: all are */
    atomic_uint_fast64_t serial;           /* of the SOA */
    atomic_uint_fast64_t builds, build_ns; /* zone states; how long the last one took */
    atomic_uint_fast64_t deal_round, dealt_at; /* the deal in use */
    atomic_uint_fast64_t members, handed_out, areas, cells;
    atomic_uint_fast64_t signed_until; /* no signature in the blocks expires before */
    atomic_uint_fast64_t location_times[LOCATIONS_FILES_MAX]; /* of the files in use */
    struct signature_counts signatures;                       /* of the records in zone states */
    struct dealer_facts deals;
};

struct refresh_sources {
    struct store *registry, *health, *keys;
    /* Only reopened when their files were replaced. NULL: there is none. */
    struct store *traffic, *history;
    const struct seal *seal;
    struct sigcache *cache;
    struct collector *collector;  /* makes the workers' counters, knows the demand */
    const char *const *locations; /* paths of location files */
    size_t location_count;        /* at most LOCATIONS_FILES_MAX */
    const char *state;            /* the state directory, for tables compiled of them; or NULL */
    log_sink *log;                /* called from the refresher's thread */
};

/* Opens read transactions and builds the first zone state. */
enum result refresh_new(struct refresh **out, const struct refresh_sources *sources,
                        struct diag *diag);
/* The newest zone state; valid until refresh_start. */
struct zone_state *refresh_zone_state(const struct refresh *refresh);
const struct refresh_facts *refresh_facts(const struct refresh *refresh);
/* The time of the oldest location file in use; 0: there is none. For any thread. */
uint64_t refresh_locations_at(const struct refresh *refresh);
/* Runs until refresh_free. The workers must outlive it. */
enum result refresh_start(struct refresh *refresh, struct worker *const *workers, size_t count,
                          struct diag *diag);
/* To see whether it moves. */
const struct thread *refresh_thread(const struct refresh *refresh);
void refresh_free(struct refresh *refresh);

#endif
