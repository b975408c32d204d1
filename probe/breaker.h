/* How much of the pool is down for this vantage point at once. When that is more than members fail
 * by themselves, the fault is likelier its own: removals wait (struct breaker_state) and the alarm
 * is raised, until it is over or the operator says that it is true. Pure.
 *
 * A family that works no more, or by which nothing was ever reached, says nothing of the members:
 * it waits, the other one goes on.
 *
 * Since any one packet may be lost, a first failed probe counts half, a second in a row in full. So
 * a network that is cut off is seen when its members have been probed once, and one packet in ten
 * may be lost without an alarm. */
#ifndef PROBE_BREAKER_H
#define PROBE_BREAKER_H

#include "zone/verdicts/lifecycle.h"

enum {
    /* So many must be down for an alarm, or all of as many, in the smallest of pools. */
    BREAKER_LEAST = 3,
    /* A fall waits for an interval with its jitter, and until the probes of then have ended. */
    BREAKER_SLACK_S = 8
};

/* Those who fail, and twice their number but for who failed for the first time. */
struct breaker_count {
    uint32_t all, failing, halves;
};

/* Addresses of one family. */
struct breaker_family {
    struct breaker_count working;
    uint32_t addresses, unprobed; /* all, and those that our own system would not let us probe */
    bool heard;                   /* something was reached by it, now or before */
    bool silent;                  /* no reference of the family answers, though there are some */
};

struct breaker {
    /* eligible ones; they fail when none of their addresses answers */
    struct breaker_count members;
    struct breaker_family family[ADDRESS_FAMILIES];
    bool stalled; /* what can't be probed is for want of time, not for the network */
};

void breaker_add(struct breaker *breaker, const struct member_health *health);
/* Enters what was counted into `vantage`, and says what follows for its verdicts. */
void breaker_judge(const struct breaker *breaker, const struct settings *settings, uint64_t now,
                   struct vantage *vantage, struct breaker_state *breaker_state);
/* What of probes is not let out says of the vantage point as a whole: WELL, HELD_UP, or, when no
 * family is left to judge by, NETWORK_OFF. After breaker_judge. */
enum vantage_state breaker_vantage_state(const struct breaker *breaker,
                                         const struct settings *settings,
                                         const struct vantage *vantage);

#endif
