/* Metrics of each member, for pools that are small enough: their number grows with the pool. */
#ifndef TOOLS_MEMBERMETRICS_H
#define TOOLS_MEMBERMETRICS_H

#include "tools/cli.h"
#include "zone/base/openmetrics.h"

/* REFUSED if there are more than `most` members. */
enum result membermetrics_write(struct openmetrics *om, struct cli *cli, uint32_t most);

#endif
