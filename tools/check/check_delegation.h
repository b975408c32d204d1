/* Finds the servers of the parent zone and those of the pool: from the root down, or from what the
 * options name. */
#ifndef TOOLS_CHECK_DELEGATION_H
#define TOOLS_CHECK_DELEGATION_H

#include "tools/check/check.h"

/* Fills check->parents and check->servers. Reports a pool that is not delegated. */
void check_delegation(struct check *check);

#endif
