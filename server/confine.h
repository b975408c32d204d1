/* What ntspoold gives up once it has its sockets and stores. */
#ifndef SERVER_CONFINE_H
#define SERVER_CONFINE_H

#include "server/options.h"
#include "zone/base/log.h"

/* With all sockets and stores, and before the first thread: the process becomes the user and can
 * reach its state and the location files only. Says in the log where it keeps more than it
 * needs. */
enum result confine(const struct options *options, log_sink *log, struct diag *diag);

#endif
