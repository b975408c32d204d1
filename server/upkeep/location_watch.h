/* Watches the location files while the server runs: another file in place of one is taken, if all
 * of them together are sound; until then, what was read before stays in use. Says each thing once:
 * what is wrong, and that it is over. A thread of its own reads them, since a city-level file takes
 * a second; all else is for one thread. */
#ifndef SERVER_LOCATION_WATCH_H
#define SERVER_LOCATION_WATCH_H

#include <sys/stat.h>

#include "server/state/deal.h"
#include "zone/base/log.h"
#include "zone/base/thread.h"

struct location_watch {
    const char *const *paths;
    size_t count; /* at most LOCATIONS_FILES_MAX; 0: there is nothing to watch */
    log_sink *log;
    struct stat seen[LOCATIONS_FILES_MAX];
    bool refused; /* what was seen last is not what is in use */
    struct log_once trouble;
    struct thread reader;
    atomic_bool finished; /* the reader; the next two are its result */
    struct places *read;  /* NULL: failed, and diag says why */
    struct diag diag;
};

/* Reads the files; *out stays NULL if there are none. Fails as locations_load. The paths outlive
 * the watch. */
enum result location_watch_begin(struct location_watch *watch, const char *const *paths,
                                 size_t count, log_sink *log, struct places **out,
                                 struct diag *diag);
/* Looks again: new tables that were read since, with a reference, or NULL where the old ones stay
 * in use. */
struct places *location_watch_look(struct location_watch *watch);
void location_watch_end(struct location_watch *watch);

#endif
