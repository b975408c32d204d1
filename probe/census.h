/* How much of the pool is down for this vantage point at once. When that is more than members fail by themselves, the fault is likelier
 * its own: removals wait (struct caution) and the alarm is raised, until it is over or the operator says that it is true. Pure. */
#ifndef PROBE_CENSUS_H
#define PROBE_CENSUS_H

#include "zone/lifecycle.h"

enum {
    CENSUS_LEAST = 3,    /* so many must be down for an alarm, in the smallest of pools */
    CENSUS_FAILURES = 2, /* in a row are down, since any one packet may be lost */
    CENSUS_HOLD_MIN_S = 1
};

struct census {
    uint32_t members, down;         /* eligible, and those of them that are down */
    uint32_t addresses[2], dark[2]; /* IPv6, IPv4: working, and those of them that are down */
};

void census_add(struct census *census, const struct member_health *health);
/* Enters what was counted into `vantage`, and says what follows for its verdicts. */
void census_judge(const struct census *census, const struct settings *settings, uint64_t now,
                  struct vantage *vantage, struct caution *caution);

#endif
