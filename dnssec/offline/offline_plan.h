/* Plans the DNSKEY RRset of a coming period: simulates dnssec/rollover/rollover.h with the ZSK
 * rollovers that will be due, and cuts the result into unsigned slices. Pure. */
#ifndef DNSSEC_OFFLINE_PLAN_H
#define DNSSEC_OFFLINE_PLAN_H

#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/slices.h"

struct offline_period {
    uint64_t now, from, until;
    bool roll_zsk;       /* start a ZSK rollover at its beginning */
    bool may_end;        /* where no planned key is left the plan ends */
    unsigned held;       /* role bits: these keys take no step in the whole period */
    uint64_t roll_after; /* no rollover begins earlier */
};

/* `timeline` has the present keys, `present` the slices that they follow until the period begins.
 * New ZSKs are taken from the planned keys, oldest first: NOT_FOUND if there are too few, unless
 * the plan `may_end`. REFUSED, TOO_LONG with the reason. */
enum result offline_plan_make(struct slices *out, const struct key_timeline *timeline,
                              const struct settings *settings, const struct slices *present,
                              const struct offline_period *period, struct diag *diag);
/* Takes the steps of such a plan that were due from `from` to before `until`, each at its time, as
 * if somebody had looked all the while. For keys that are here. True if there were any. */
bool offline_plan_catch_up(struct key_timeline *timeline, const struct settings *settings,
                           const struct offline_period *period);

#endif
