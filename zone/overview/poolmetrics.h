/* The metrics of the pool, as ntspoold and `ntspool metrics` give them. Label values come from
 * fixed lists, and from the names of vantage points and of machines: VANTAGES_MAX
 * and MACHINES_MAX at most. */
#ifndef ZONE_POOLMETRICS_H
#define ZONE_POOLMETRICS_H

#include "zone/base/openmetrics.h"
#include "zone/overview/overview.h"

void poolmetrics_write(struct openmetrics *om, const struct overview *overview);
void poolmetrics_write_vantages(struct openmetrics *om, const struct vantages *vantages,
                                const struct vantageview *seen);
/* Nothing if the machine is in no fleet. */
void poolmetrics_write_fleet(struct openmetrics *om, const struct fleetview *fleet);
/* What the probes of this machine have done since they started. */
void poolmetrics_write_probes(struct openmetrics *om, const struct runview *run);
/* Each id of CONCERN_LIST as 0 or 1. */
void poolmetrics_write_warnings(struct openmetrics *om, const struct concerns *concerns);

#endif
