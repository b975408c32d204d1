/* The store that ntspool-feedd keeps for a server (state/fleet): it appears when the machine joins
 * a fleet, perhaps while the server runs. Opened to read, once for all threads. */
#ifndef SERVER_FLEETSTORE_H
#define SERVER_FLEETSTORE_H

#include "zone/base/log.h"
#include "zone/store/store.h"

enum {
    FLEETSTORE_LOOK_MS = 2000 /* between two looks whether it is there, or was replaced */
};

struct fleetstore;

/* Before there are threads. */
struct fleetstore *fleetstore_new(const char *state_dir, log_sink *log);
/* No thread has a transaction any more. NULL is fine. */
void fleetstore_free(struct fleetstore *fleetstore);
/* NULL: the machine is in no fleet, or the store can't be read. Any thread; end each transaction
 * soon. */
struct store *fleetstore_get(struct fleetstore *fleetstore);

#endif
