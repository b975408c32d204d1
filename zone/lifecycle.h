/* Where a member stands: the operator's word (registry) and the probe's (health) put together. Pure. */
#ifndef ZONE_LIFECYCLE_H
#define ZONE_LIFECYCLE_H

#include "zone/health.h"
#include "zone/settings.h"

struct standing {
    bool eligible;   /* in SRV */
    uint32_t weight; /* capacity_mbit times the ramp, at least 1 if eligible; 0 if not */
    uint8_t
        left_out; /* bit i: member.addresses[i] does not work while one of another family does (DESIGN, life cycle) */
    const char *state;  /* "registered" ... "eligible", "ineligible", "suspended" */
    const char *reason; /* why it is in or out, one clause, static text */
};

/* `health` is NULL if the probe never saw the member. */
struct standing lifecycle_standing(const struct member *member, const struct member_health *health);

/* The stage and weight that follow from a member's address scores; `health` holds the earlier ones and is updated.
 * Entry, re-entry and exit by the settings' scores (hysteresis), history by min_history_s; the ramp is linear from a score
 * of 10 (a tenth) to 15 (all). The member's score is its best address's. */
void lifecycle_advance(struct member_health *health, const struct settings *settings, uint64_t now);

/* When the label of a member removed now may be taken by somebody else: after the last certificate seen for it, at least
 * settings->quarantine_s where none was seen. */
uint64_t lifecycle_quarantine_end(const struct member_health *health,
                                  const struct settings *settings, uint64_t now);

#endif
