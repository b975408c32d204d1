/* The question before what can't be taken back.
 *
 * It is asked before a command opens a store, so no lock waits for the answer, and only where a
 * person sits: with a terminal as standard input and output, and without --yes. Scripts run as they
 * are. */
#ifndef TOOLS_CONFIRM_H
#define TOOLS_CONFIRM_H

#include "tools/cli.h"

/* False if the operator was asked and did not say yes. */
bool confirm(const struct cli *cli, int argc, char **argv);

#endif
