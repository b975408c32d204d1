/* The number of TCP connections that the limit of open files leaves to each worker. */
#ifndef SERVER_OPENFILES_H
#define SERVER_OPENFILES_H

#include <stdbool.h>

#include "zone/base/result.h"

enum {
    OPENFILES_SPARE = 64,  /* stores, location files, the key manager's queries, libraries */
    OPENFILES_WORKER = 16, /* for the loops of a worker */
    OPENFILES_LEAST = 4    /* connections of a worker; with fewer the server does not start */
};

/* Raises RLIMIT_NOFILE as far as needed and allowed. `*out` is at most TCP_CONNECTIONS_MAX; if it
 * is less, `*fewer` is true and the diag says so. REFUSED if the limit leaves too few. */
enum result openfiles_connections(unsigned workers, unsigned addresses, unsigned *out, bool *fewer,
                                  struct diag *diag);

#endif
