#include "server/upkeep/fleetstore.h"

#include <pthread.h>
#include <stdlib.h>

#include "zone/base/clock.h"

struct fleetstore {
    const char *state_dir;
    log_sink *log;
    pthread_mutex_t mutex; /* of the rest */
    struct store *store;
    uint64_t look_at_ms;
    struct log_once trouble;
};

void fleetstore_free(struct fleetstore *fleetstore)
{
    if (fleetstore != NULL) {
        store_close(fleetstore->store);
        (void)pthread_mutex_destroy(&fleetstore->mutex);
        free(fleetstore);
    }
}

/* A store that appears while there are threads was just made, so it is not read whole, for which
 * the process would have to fork. */
static void look(struct fleetstore *fleetstore, bool may_fork)
{
    struct diag diag = { "" };
    bool taken = false;
    enum result result = RESULT_OK;
    if (fleetstore->store != NULL) {
        result = store_reopen(fleetstore->store, &taken, &diag);
    } else if (store_is_in(fleetstore->state_dir, STORE_FLEET)) {
        struct store *store = NULL;
        result = may_fork ? store_open(&store, fleetstore->state_dir, STORE_FLEET, false, &diag)
                          : store_open_unread(&store, fleetstore->state_dir, STORE_FLEET, &diag);
        fleetstore->store = result == RESULT_OK ? store : NULL;
    }
    if (result != RESULT_OK) {
        log_once(&fleetstore->trouble, fleetstore->log, LOG_WARNING, NULL, "%s", diag.text);
    } else {
        log_once_over(&fleetstore->trouble, fleetstore->log, "what other machines say is read");
    }
}

struct fleetstore *fleetstore_new(const char *state_dir, log_sink *log)
{
    struct fleetstore *fleetstore = xcalloc(1, sizeof(*fleetstore));
    fleetstore->state_dir = state_dir;
    fleetstore->log = log;
    CHECK(pthread_mutex_init(&fleetstore->mutex, NULL) == 0);
    look(fleetstore, true);
    return fleetstore;
}

struct store *fleetstore_get(struct fleetstore *fleetstore)
{
    (void)pthread_mutex_lock(&fleetstore->mutex);
    uint64_t now = clock_steady_ms();
    if (now >= fleetstore->look_at_ms) {
        look(fleetstore, false);
        fleetstore->look_at_ms = now + FLEETSTORE_LOOK_MS;
    }
    struct store *store = fleetstore->store;
    (void)pthread_mutex_unlock(&fleetstore->mutex);
    return store;
}
