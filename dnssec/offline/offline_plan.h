/* What the DNSKEY RRset will be in a coming period: the rollovers that are due then, foreseen by
 * letting dnssec/rollover/rollover.h run ahead, cut into slices that are still to be signed.
 * Pure. */
#ifndef DNSSEC_OFFLINE_PLAN_H
#define DNSSEC_OFFLINE_PLAN_H

#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/slices.h"

struct offline_period {
    uint64_t now, from, until;
    bool roll_zsk; /* replace the zone-signing key at its begin */
};

/* `roll` is what the zone has now, `present` what the slices it has now make of it until the period
 * begins. New zone-signing keys are taken from those that are planned, the oldest first: NOT_FOUND
 * if there are too few. REFUSED, TOO_LONG with the reason. */
enum result offline_plan_make(struct slices *out, const struct key_timeline *timeline,
                              const struct settings *settings, const struct slices *present,
                              const struct offline_period *period, struct diag *diag);

#endif
