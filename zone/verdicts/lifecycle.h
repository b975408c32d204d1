/* Where a member stands: the operator's word (registry) and the probe's (health) put together.
 * Pure. */
#ifndef ZONE_LIFECYCLE_H
#define ZONE_LIFECYCLE_H

#include "zone/verdicts/consensus.h"

struct standing {
    bool eligible;      /* in SRV */
    uint32_t weight;    /* capacity_mbit times the ramp, at least 1 if eligible; 0 if not */
    uint8_t left_out;   /* bit i: member.addresses[i] does not work, while another one does */
    const char *state;  /* "registered" ... "eligible", "falling", "ineligible", "suspended" */
    const char *reason; /* why it is in or out, one clause, static text */
    /* When the verdict last had it in, if it may be handed out again where nobody is eligible
     * (lifecycle_last_good); 0: it may not */
    uint64_t last_eligible_at;
};

/* The operator's word and the verdict of the probes (zone/verdicts/consensus.h). */
struct standing lifecycle_standing(const struct member *member, const struct consensus *consensus);

enum {
    LIFECYCLE_LAST_GOOD_S = 3600
};
/* Where nobody is eligible, those answer who were until the last one fell out, give or take an
 * hour: `latest` is the newest of all members' last_eligible_at. */
bool lifecycle_last_good(const struct standing *standing, uint64_t latest);

/* What a vantage point thinks of itself while it judges: removals wait when too much fails at once,
 * since then the fault is likelier its own. */
struct breaker_state {
    uint32_t hold_s; /* how long a fall waits, so that the others' falls are seen: an interval */
    bool members_frozen;
    /* addresses of the family are not left out, nor members that have no other */
    bool family_frozen[ADDRESS_FAMILIES];
    /* the same, and what fails in the family says nothing of the server (vantage_family_waits) */
    bool family_waits[ADDRESS_FAMILIES];
};

/* The stage and weight that follow from a member's address scores, for each family and, by the
 * better one, for the member; `health` holds the earlier ones and is updated. Entry, re-entry and
 * exit by the settings' scores (hysteresis), history by min_history_s; the ramp is linear from a
 * score of 10 (a tenth) to 15 (all). A family's score is its best address's. */
void lifecycle_advance(struct member_health *health, const struct settings *settings,
                       const struct breaker_state *breaker_state, uint64_t now);

/* The member fell in this family while removals were frozen: when it answers again, the fault was
 * ours, and its score starts at the exit. */
bool lifecycle_pardoned(const struct member_health *health, enum address_family family);

/* When the label of a member removed now may be taken by somebody else: after the last certificate
 * seen for it, at least settings->quarantine_s where none was seen. */
uint64_t lifecycle_quarantine_end(const struct member_health *health,
                                  const struct settings *settings, uint64_t now);

#endif
