/* The life cycle of a member: whether it is handed out, from the operator's decision (registry) and
 * the verdict of the probes (health). Pure. */
#ifndef ZONE_LIFECYCLE_H
#define ZONE_LIFECYCLE_H

#include "zone/verdicts/consensus.h"

struct standing {
    bool eligible;      /* handed out in SRV records */
    uint32_t weight;    /* capacity_mbit times the ramp, at least 1 if eligible; otherwise 0 */
    uint8_t left_out;   /* bit i: member.addresses[i] does not work while another address does */
    const char *state;  /* "registered" ... "falling", "ineligible", "leaving", "suspended" */
    const char *reason; /* why it is in or out: one clause, static text */
    /* When it was last eligible by the verdict, if it may be handed out again when no member is
     * eligible (lifecycle_last_good). 0: it may not. */
    uint64_t last_eligible_at;
};

/* Combines the operator's decision with the consensus of the probes. A member is handed out once it
 * has its certificate and NTS is confirmed (draft-ladd-nts-for-the-ntp-pool 6). */
struct standing lifecycle_standing(const struct member *member, const struct consensus *consensus,
                                   const struct settings *settings, uint64_t now);
/* True if the member leaves the pool within the setting's lead, or should have left. */
bool lifecycle_leaves(const struct member *member, const struct settings *settings, uint64_t now);

enum {
    LIFECYCLE_LAST_GOOD_S = 3600
};
/* If no member is eligible, the last eligible members are handed out: those that were eligible
 * within LIFECYCLE_LAST_GOOD_S of the last one. `latest` is the newest last_eligible_at of all
 * members. */
bool lifecycle_last_good(const struct standing *standing, uint64_t latest);

/* State of a vantage point's breaker while it judges. If too much fails at once, the fault is
 * likely its own, so removals wait. */
struct breaker_state {
    uint32_t hold_s; /* how long a fall waits, an interval, so that others' falls are seen */
    bool members_frozen;
    /* addresses of the family are not left out, and members without another family are not
     * removed */
    bool family_frozen[ADDRESS_FAMILIES];
    /* the same, and failures in the family say nothing about the server (vantage_family_waits) */
    bool family_waits[ADDRESS_FAMILIES];
};

/* Updates `health` with the stage and weight that follow from its address scores, for each family
 * and, by the better one, for the member. Entry, re-entry and exit are at the settings' scores
 * (hysteresis). Entry also needs min_history_s of history. The ramp is linear from a score of 10
 * (weight a tenth) to 15 (full weight). A family's score is that of its best address. */
void lifecycle_advance(struct member_health *health, const struct settings *settings,
                       const struct breaker_state *breaker_state, uint64_t now);

/* True if the member fell in this family while removals were frozen. If it answers again, the fault
 * was ours, and its score starts at the exit. */
bool lifecycle_fell_while_frozen(const struct member_health *health, enum address_family family);

/* When another member may take the label of a member removed now: after the last certificate seen
 * for it, or after settings->quarantine_s if none was seen. */
uint64_t lifecycle_quarantine_end(const struct member_health *health,
                                  const struct settings *settings, uint64_t now);

#endif
