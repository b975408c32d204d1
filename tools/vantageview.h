/* The vantage points in `ntspool status`. */
#ifndef TOOLS_VANTAGEVIEW_H
#define TOOLS_VANTAGEVIEW_H

#include "tools/memberview.h"
#include "zone/base/concern.h"

/* Counts over all members. Start from `{ 0 }`. */
struct vantageview {
    size_t members;
    size_t held[4]; /* by enum hold: members whose removal waits */
    /* by vantage point: members on which it has long disagreed with the consensus */
    size_t dissent[VANTAGES_MAX];
};

void vantageview_count(struct vantageview *view, const struct memberview *member,
                       const struct vantages *vantages, uint64_t now);
json_t *vantageview_json(const struct vantageview *view, const struct vantages *vantages);
void vantageview_warn(const struct vantageview *view, const struct vantages *vantages,
                      struct concerns *concerns);
/* Warns of named vantage points that don't report while others do. */
void vantageview_warn_of_named(const struct vantage_keys *named,
                               const struct memberview_source *source, uint64_t now,
                               struct concerns *concerns);
/* The refused reports that state/health has noted; `health` NULL: none. Warns of recent ones. */
json_t *vantageview_refusals(struct store_txn *health, uint64_t now, struct concerns *concerns);
void vantageview_print(const json_t *list);

#endif
