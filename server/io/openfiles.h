/* How many TCP connections the process's limit of open files leaves to each worker. */
#ifndef SERVER_OPENFILES_H
#define SERVER_OPENFILES_H

#include <stdbool.h>

#include "zone/base/result.h"

enum {
    OPENFILES_SPARE = 64,  /* stores, location files, the keeper's questions, libraries */
    OPENFILES_WORKER = 16, /* its loops' own */
    OPENFILES_LEAST = 4    /* connections of a worker, or there is no use in a start */
};

/* Raises RLIMIT_NOFILE as far as it is needed and allowed. `*out` is at most TCP_CONNECTIONS_MAX;
 * where it is less, `*fewer` is true and the diag holds a line about it. REFUSED if the limit
 * leaves next to none. */
enum result openfiles_connections(unsigned workers, unsigned addresses, unsigned *out, bool *fewer,
                                  struct diag *diag);

#endif
