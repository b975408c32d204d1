/* What becomes of keys, for the log. */
#ifndef SERVER_KEYREPORT_H
#define SERVER_KEYREPORT_H

#include "dnssec/rollover/key_timeline.h"
#include "zone/base/log.h"

/* Logs each key whose state has changed. */
void keyreport(log_sink *log, const struct key_timeline *before, const struct key_timeline *after,
               uint64_t now);

#endif
