/* The options of `ntspool check`. */
#ifndef TOOLS_CHECK_OPTIONS_H
#define TOOLS_CHECK_OPTIONS_H

#include "tools/check/check.h"

/* Reads the options, and the servers of --server into `check`. USAGE, or SYSTEM for a file. */
enum result check_options_read(struct check *check, struct cli *cli);

#endif
