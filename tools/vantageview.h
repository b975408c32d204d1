/* What `ntspool status` says of the vantage points. */
#ifndef TOOLS_VANTAGEVIEW_H
#define TOOLS_VANTAGEVIEW_H

#include "tools/memberview.h"

/* Counted while the members pass by; start from { 0 }. */
struct vantageview {
    size_t members;
    size_t held[4]; /* by enum hold: members whose removal waits, and why */
    /* members that the vantage point has long seen otherwise than the pool */
    size_t dissent[VANTAGES_MAX];
};

void vantageview_count(struct vantageview *view, const struct memberview *member,
                       const struct vantages *vantages, uint64_t now);
json_t *vantageview_json(const struct vantageview *view, const struct vantages *vantages);
/* Appends what needs the operator's attention to the array of texts. */
void vantageview_warn(const struct vantageview *view, const struct vantages *vantages,
                      json_t *warnings);
/* The same of vantage points that are named, while others report and they don't. */
void vantageview_warn_of_named(const struct vantage_keys *named,
                               const struct memberview_source *source, uint64_t now,
                               json_t *warnings);
/* What was not taken in of reports, by the health store (NULL: nothing is known); a warning of what
 * was refused lately. */
json_t *vantageview_refusals(struct store_txn *health, uint64_t now, json_t *warnings);
void vantageview_print(const json_t *list);

#endif
