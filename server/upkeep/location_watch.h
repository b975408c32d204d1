/* Watches the location files while the server runs. When one is replaced, all files are read again,
 * and are in use if all are valid. Until then the tables read before stay in use. Logs once what is
 * wrong, and once that it is over. A thread of its own reads the files, since a city-level file
 * takes a second, and keeps the compiled tables in the state directory for the next start. All
 * functions are for one thread. */
#ifndef SERVER_LOCATION_WATCH_H
#define SERVER_LOCATION_WATCH_H

#include <sys/stat.h>

#include "server/state/deal.h"
#include "zone/base/log.h"
#include "zone/base/thread.h"

struct location_watch {
    const char *const *paths;
    size_t count;      /* at most LOCATIONS_FILES_MAX; 0: there is nothing to watch */
    const char *state; /* the state directory; NULL: tables are not kept */
    log_sink *log;
    struct stat seen[LOCATIONS_FILES_MAX];
    bool refused; /* the files seen last are not in use */
    struct log_once trouble;
    struct places *unkept; /* the first ones, until their tables are kept; with a reference */
    struct thread reader;
    bool keeping;         /* the reader keeps `unkept`, instead of reading files */
    atomic_bool finished; /* the reader is, and has set the next two */
    struct places *read;  /* NULL: it failed, and `diag` says why */
    struct diag diag;
};

/* Reads the files; *out stays NULL if there are none. Fails as locations_load. The caller has set
 * `paths`, `count`, `state` and `log`, which outlive the watch, and zeros. */
enum result location_watch_begin(struct location_watch *watch, struct places **out,
                                 struct diag *diag);
/* Looks again. Returns new tables with a reference, or NULL if the old ones stay in use. */
struct places *location_watch_look(struct location_watch *watch);
void location_watch_end(struct location_watch *watch);

#endif
