/* The outline of a verdict: what of it can change an answer. A probe changes scores and times of
 * all its members each interval, but few outlines. Pure. */
#ifndef ZONE_OUTLINE_H
#define ZONE_OUTLINE_H

#include "zone/verdicts/health.h"

enum {
    OUTLINE_WEIGHTS = 10 /* steps of the weight that are told apart */
};

/* Equal for verdicts that weigh the same in a consensus (zone/verdicts/consensus.h), but for the
 * weight, which is the same within a tenth, and for what only the passing of time changes. A hash:
 * it never leaves the process. */
uint64_t outline_of(const struct member_health *health);

#endif
