/* Turns the outcome of a probe into the verdict on the member. Pure. */
#ifndef PROBE_VERDICT_H
#define PROBE_VERDICT_H

#include "probe/probe_run.h"
#include "zone/verdicts/lifecycle.h"

/* Gives `health` one row for each of `addresses` (at most MEMBER_ADDRESSES_MAX), in that order. An
 * address that had a row keeps it. A new one starts with an empty row. True if anything changed. */
bool verdict_addresses(struct member_health *health, const struct address *addresses,
                       unsigned count);

struct judgement {
    const struct settings *settings;
    const struct breaker_state *breaker_state;
    /* The member's certificate is for its name in the pool. So after a removal it keeps the label
     * in quarantine for as long as it is valid. */
    bool own_label;
    uint64_t now;
};

/* Enters the outcome of a probe of row `index` and advances the member's life cycle.
 *
 * FAILURE_INTERNAL is shown, but does not count. The same holds for silence while the family waits,
 * which becomes FAILURE_FAMILY_OFF. Only a certificate that is valid for the name prolongs the
 * quarantine. */
void verdict_apply(struct member_health *health, unsigned index, const struct outcome *outcome,
                   const struct judgement *judgement);

/* Withdraws failures by silence that were entered before it was known that the family reaches
 * nothing at all. True if anything changed. */
bool verdict_withdraw(struct member_health *health, const struct vantage *vantage);

#endif
