/* The functions of the command table in ntspool.c. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include "tools/cli.h"

int cmd_zone_show(struct cli *cli, int argc, char **argv);
int cmd_zone_set(struct cli *cli, int argc, char **argv);
int cmd_probe(struct cli *cli, int argc, char **argv);

#endif
