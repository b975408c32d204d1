/* The survey of the state directory, for commands. */
#ifndef TOOLS_POOLSURVEY_H
#define TOOLS_POOLSURVEY_H

#include "dnssec/overview/survey.h"
#include "tools/cli.h"

/* Reads what this user may read. */
void poolsurvey_read(struct survey *out, struct cli *cli);

#endif
