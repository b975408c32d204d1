/* The client subnets that the steering is looked at from. */
#ifndef TOOLS_CHECK_SUBNETS_H
#define TOOLS_CHECK_SUBNETS_H

#include "tools/check/check.h"

/* Appends one IPv4 and one IPv6 network on each continent. Call it if there is no --subnet. */
void check_subnets_preset(struct check_options *options);
/* "145.97.0.0/24"; `out` has CHECK_SUBJECT_ROOM. Returns `out`. */
char *check_subnet_text(const struct dns_subnet *subnet, char *out);
/* For "a client in ...": the country of a preset network, else the subnet. */
char *check_subnet_place(const struct dns_subnet *subnet, char *out);

#endif
