/* `ntspoold --check`: would a start with these options succeed? */
#ifndef SERVER_STARTCHECK_H
#define SERVER_STARTCHECK_H

#include "server/options.h"
#include "zone/base/log.h"

/* Logs each problem. True if there is none. Takes no lock of a server, binds no port that one has,
 * and changes no file, so it may run beside a server. The process becomes the user of --user. */
bool startcheck(const struct options *options, log_sink *log);

#endif
