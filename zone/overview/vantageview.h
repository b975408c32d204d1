/* What the vantage points say of themselves and of all members together, and warnings of it. */
#ifndef ZONE_VANTAGEVIEW_H
#define ZONE_VANTAGEVIEW_H

#include "zone/base/concern.h"
#include "zone/overview/memberview.h"
#include "zone/verdicts/intake.h"

/* Counts over all members. Start from `{ 0 }`. */
struct vantageview {
    size_t members;
    size_t held[HOLDS]; /* members whose removal waits, by reason */
    /* by vantage point: members on which it has long disagreed with the consensus */
    size_t dissent[VANTAGES_MAX];
};

void vantageview_count(struct vantageview *view, const struct memberview *member,
                       const struct vantages *vantages, uint64_t now);
void vantageview_warn(const struct vantageview *view, const struct vantages *vantages,
                      struct concerns *concerns);
/* Warns of named vantage points that don't report while others do. */
void vantageview_warn_of_named(const struct vantage_keys *named,
                               const struct memberview_source *source, uint64_t now,
                               struct concerns *concerns);
/* Warns of reports that were refused lately. */
void vantageview_warn_of_refusals(const struct refusal *refusals, unsigned count, uint64_t now,
                                  struct concerns *concerns);

#endif
