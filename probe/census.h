/* How much of the pool is down for this vantage point at once. When that is more than members fail by themselves, the fault is likelier
 * its own: removals wait (struct caution) and the alarm is raised, until it is over or the operator says that it is true. Pure.
 *
 * Since any one packet may be lost, a first failed probe counts half, a second in a row in full. So a network that is cut off is
 * seen when its members have been probed once, and one packet in ten may be lost without an alarm. */
#ifndef PROBE_CENSUS_H
#define PROBE_CENSUS_H

#include "zone/lifecycle.h"

enum {
    /* So many must be down for an alarm, or all of as many, in the smallest of pools. */
    CENSUS_LEAST = 3,
    /* A fall waits for an interval with its jitter, and until the probes of then have ended. */
    CENSUS_SLACK_S = 8
};

/* Those who fail, and twice their number but for who failed for the first time. */
struct census_count {
    uint32_t all, failing, halves;
};

struct census {
    struct census_count members; /* eligible ones; they fail when none of their addresses answers */
    struct census_count family[2]; /* working addresses of IPv6, IPv4 */
    uint32_t addresses, unprobed;  /* all, and those that our own system would not let us probe */
};

void census_add(struct census *census, const struct member_health *health);
/* Our own network is off: probes don't even leave. */
bool census_cut_off(const struct census *census, const struct settings *settings);
/* Enters what was counted into `vantage`, and says what follows for its verdicts. */
void census_judge(const struct census *census, const struct settings *settings, uint64_t now,
                  struct vantage *vantage, struct caution *caution);

#endif
