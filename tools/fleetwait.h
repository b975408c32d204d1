/* After a change of the fleet's pool: how many machines have it. A command waits a second for that
 * unless --wait says for how many. Counted are the machines that answer, or did when they last said
 * hello. */
#ifndef TOOLS_FLEETWAIT_H
#define TOOLS_FLEETWAIT_H

#include "tools/cli.h"

enum {
    FLEETWAIT_MS = 1000,
    FLEETWAIT_S = 30, /* with --wait */
    FLEETWAIT_MAX_S = 3600
};

/* The options of commands that change the pool; NULL for others. */
const struct option_row *fleetwait_options(const struct cli_command *command);
/* Before the command runs. USAGE. */
enum result fleetwait_check(struct cli *cli);
/* After it has succeeded: shows its output, waits, and says who has the change. Returns CLI_DONE,
 * or CLI_BEHIND if --wait was in vain. */
int fleetwait(struct cli *cli);

#endif
