/* Completion of ntspool's command line (zone/base/complete.h), from the table of commands:
 * commands, options, and the values that the usage lines name. */
#ifndef TOOLS_CLI_COMPLETE_H
#define TOOLS_CLI_COMPLETE_H

#include "tools/cli.h"

/* The words behind COMPLETE_COMMAND, in an argv that ends with NULL. Returns the exit status. */
int cli_complete(struct cli *cli, char **words);

#endif
