/* The circuit breaker: how much of the pool is down at once, as seen from here. If that is more
 * than members fail by themselves, the fault is more likely ours. Then removals wait (struct
 * breaker_state) and the alarm is raised, until it is over or the operator releases it. Pure.
 *
 * A family that no longer works, or that has never reached anything, says nothing of the members.
 * It waits; the other family goes on.
 *
 * Any one packet may be lost. So a first failed probe counts half, a second one in a row in full.
 * Thus a network that is cut off is recognised once its members have been probed, and one packet in
 * ten may be lost without an alarm. */
#ifndef PROBE_BREAKER_H
#define PROBE_BREAKER_H

#include "zone/verdicts/lifecycle.h"

enum {
    /* A fall waits for an interval with its jitter, and for this long, until its probes have ended.
     */
    BREAKER_SLACK_S = 8
};

/* `halves` counts one for a first failure, two for a repeated one. */
struct breaker_count {
    uint32_t all, failing, halves;
};

/* Addresses of one family. */
struct breaker_family {
    struct breaker_count working;
    uint32_t addresses;
    uint32_t unprobed; /* our own system did not send their probes */
    bool heard;        /* something was reached over it, now or before */
    bool silent;       /* no reference answers over it, though one did before */
};

struct breaker {
    /* the eligible ones; a member fails if none of its addresses answers */
    struct breaker_count members;
    struct breaker_family family[ADDRESS_FAMILIES];
    bool stalled; /* probes are not sent for want of time, not because of the network */
};

void breaker_add(struct breaker *breaker, const struct member_health *health);
/* Enters the counts into `vantage`, and the consequences for verdicts into `breaker_state`. */
void breaker_judge(const struct breaker *breaker, const struct settings *settings, uint64_t now,
                   struct vantage *vantage, struct breaker_state *breaker_state);
/* The state of the vantage point as a whole, judged by the probes that our own system did not send:
 * WELL, HELD_UP, or NETWORK_OFF if no family is left to judge by. After breaker_judge. */
enum vantage_state breaker_vantage_state(const struct breaker *breaker,
                                         const struct settings *settings,
                                         const struct vantage *vantage);

#endif
