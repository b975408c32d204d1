/* How fair the answers of the last day were: what each member got of them, to its part of the
 * capacity. `ntspool share` shows the same for each member. */
#ifndef ZONE_SHAREVIEW_H
#define ZONE_SHAREVIEW_H

#include "zone/steering/traffic.h"

enum {
    SHAREVIEW_QUANTILES = 4
};
extern const double shareview_quantiles[SHAREVIEW_QUANTILES];

struct share_part {
    uint64_t member_id;
    uint32_t weight; /* capacity times ramp; 0: it is not handed out */
    double ratio;    /* 1: a fair share. Set by shareview_of */
};

struct shareview {
    size_t members; /* those that are handed out; 0: there were no answers, or no such members */
    double quantiles[SHAREVIEW_QUANTILES], sum;
};

/* Sorts `parts`, which has all members. */
void shareview_of(struct shareview *out, struct share_part *parts, size_t count,
                  const struct traffic *traffic, uint64_t now);

#endif
