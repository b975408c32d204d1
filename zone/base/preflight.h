/* What `--check` of a daemon finds. Each finding is one log line. */
#ifndef ZONE_PREFLIGHT_H
#define ZONE_PREFLIGHT_H

#include <stdbool.h>

#include "zone/base/log.h"

/* Starts as { log }. */
struct preflight {
    log_sink *log;
    unsigned problems, warnings;
};

/* The daemon would not start. */
void preflight_problem(struct preflight *preflight, const char *text);
/* The daemon would start, and lack something. */
void preflight_warning(struct preflight *preflight, const char *text);
/* A problem, unless the result is OK. */
void preflight_judge(struct preflight *preflight, enum result result, const struct diag *diag);
/* Logs how many there are. True if there is no problem. */
bool preflight_done(const struct preflight *preflight);

#endif
