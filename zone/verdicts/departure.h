/* Members that leave the registry by themselves: those whose time to leave has come, and those that
 * never got a certificate (setting registration-expiry).
 *
 * The latter needs evidence of the probes. What counts is not the time since the member was
 * registered, but days on which it was probed: `registration-expiry` of them, rounded up, since the
 * operator last changed it. No vantage point may ever have seen a valid certificate. And while all
 * are silent or frozen nothing is concluded. So a probe that is down removes nobody. What the
 * operator has suspended, or hands out by an override, stays. */
#ifndef ZONE_DEPARTURE_H
#define ZONE_DEPARTURE_H

#include "zone/registry/settings.h"
#include "zone/verdicts/health.h"

enum departure {
    DEPARTURE_NONE,
    DEPARTURE_PLANNED,    /* leave_at is over */
    DEPARTURE_UNCERTIFIED /* it never got a certificate */
};

struct departure_sources {
    struct store_txn *health, *history; /* NULL: nobody is uncertified */
    const struct settings *settings;
    const struct vantages *vantages;
    uint64_t now;
};

/* DAMAGED if a row can't be read. */
enum result departure_of(enum departure *out, const struct member *member,
                         const struct departure_sources *sources);
/* True if no vantage point has ever seen a valid certificate of the member. DAMAGED if a row can't
 * be read. */
enum result departure_is_pending(bool *out, const struct member *member, struct store_txn *health,
                                 const struct vantages *vantages);

#endif
