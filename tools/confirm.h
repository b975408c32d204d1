/* Asks the operator before a command does what can't be undone.
 *
 * It asks before the command opens a store, so no lock is held meanwhile. It asks only if standard
 * input and output are terminals and --yes is absent: scripts are never asked. */
#ifndef TOOLS_CONFIRM_H
#define TOOLS_CONFIRM_H

#include "tools/cli.h"

/* False if the operator was asked and did not answer yes. */
bool confirm(const struct cli *cli, int argc, char **argv);
/* The same for a command that has to show first what it does, and has no store open. */
bool confirm_that(const struct cli *cli, const char *what);

#endif
