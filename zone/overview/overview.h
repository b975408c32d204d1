/* The pool at one moment, from its stores, and what needs the operator's attention. `ntspool` and
 * ntspoold show the same, since both call this.
 *
 * Reading takes one transaction of each store, which the caller begins before and ends after. */
#ifndef ZONE_OVERVIEW_H
#define ZONE_OVERVIEW_H

#include "zone/overview/census.h"
#include "zone/overview/delegation.h"
#include "zone/overview/fleetview.h"
#include "zone/overview/runview.h"
#include "zone/overview/storeview.h"
#include "zone/overview/supplies.h"
#include "zone/steering/traffic.h"

struct overview_source {
    const char *state_dir;
    struct storeview_source stores[STORE_KINDS];
    struct runview run;
    uint64_t now;
};

/* Holds no memory of its own. */
struct overview {
    bool failed; /* a store can't be read */
    bool zone;   /* the settings are known */
    bool judged; /* so are the states of all members: registry and verdicts could be read */
    struct storeview stores[STORE_KINDS];
    struct memberview_source source; /* settings and vantage points; `health` is NULL */
    struct census census;
    struct refusal refusals[INTAKE_REFUSALS_MAX];
    unsigned refusal_count;
    /* the flood of missing names of the last day that exceeded denial-budget; `since` 0: none */
    struct traffic_spell over_budget;
    struct runview run;
    struct shareview shares;
    struct supplies supplies;
    struct fleetview fleet;
};

void overview_read(struct overview *out, const struct overview_source *source,
                   struct concerns *concerns);

#endif
