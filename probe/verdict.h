/* From the outcome of a probe to the verdict on the member. Pure. */
#ifndef PROBE_VERDICT_H
#define PROBE_VERDICT_H

#include "probe/probe_run.h"
#include "zone/verdicts/lifecycle.h"

/* Makes the rows of `health` those of `addresses` (at most MEMBER_ADDRESSES_MAX), in that order. An
 * address that had a row keeps it; a new one starts without history. True if that changed
 * anything. */
bool verdict_addresses(struct member_health *health, const struct address *addresses,
                       unsigned count);

struct judgement {
    const struct settings *settings;
    const struct breaker_state *breaker_state;
    /* the certificate is for the member's name in the pool, so that it keeps the label quarantined
     * after a removal */
    bool own_label;
    uint64_t now;
};

/* Enters the outcome of a probe of row `index` and advances the member's life cycle.
 * FAILURE_INTERNAL is shown but counts for nothing, and so is silence while the family waits, as
 * FAILURE_FAMILY_OFF. A certificate that is not valid for the name never prolongs the
 * quarantine. */
void verdict_apply(struct member_health *health, unsigned index, const struct outcome *outcome,
                   const struct judgement *judgement);

/* Takes back what silence was entered for before it was known that nothing at all is reached by the
 * family. True if that changed anything. */
bool verdict_withdraw(struct member_health *health, const struct vantage *vantage);

#endif
