/* What a machine knows that only probes: it has the pool's feed and the vantage points' journals,
 * and in a fleet a copy of the registry, but no keys. */
#ifndef ZONE_LOCALVIEW_H
#define ZONE_LOCALVIEW_H

#include "zone/overview/fleetview.h"
#include "zone/overview/supplies.h"
#include "zone/overview/vantageview.h"

struct localview {
    struct dname apex;
    uint32_t serial;
    struct vantages vantages;
    struct vantageview seen; /* the number of members */
    struct runview run;
    struct supplies supplies;
    struct fleetview fleet;
};

/* True if the state directory belongs to such a machine outside a fleet. */
bool localview_applies(const char *state_dir);
enum result localview_read(struct localview *out, const char *state_dir, uint64_t now,
                           struct concerns *concerns, struct diag *diag);

#endif
