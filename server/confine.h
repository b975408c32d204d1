/* Drops the privileges that ntspoold does not need after its start. */
#ifndef SERVER_CONFINE_H
#define SERVER_CONFINE_H

#include "server/options.h"
#include "zone/base/log.h"

/* Call it when all sockets and stores are open, before the first thread. The process becomes the
 * user of --user, and from then on reaches only its state and the location files. Logs any
 * protection that could be stricter. */
enum result confine(const struct options *options, log_sink *log, struct diag *diag);

#endif
