/* A part of the group parent. */
#ifndef TOOLS_CHECK_PARENT_H
#define TOOLS_CHECK_PARENT_H

#include "tools/check/check.h"

/* Asks the servers of the parent zone where it takes NOTIFY for CDS (RFC 9859). */
void check_dsync(struct check *check);

#endif
