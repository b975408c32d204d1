/* Shows what the pool was over time: its members and addresses, and what clients asked. */
#ifndef TOOLS_POOLHISTORYSHOW_H
#define TOOLS_POOLHISTORYSHOW_H

#include "tools/cli.h"

/* Text has a row for each day, JSON all that is kept of the time from `since` on. */
enum result poolhistoryshow(struct cli *cli, uint64_t since);

#endif
