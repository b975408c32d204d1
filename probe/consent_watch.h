/* Watches whether the zone of a member's own name consents to the pool. A server that never did is
 * not even probed. One that did is out when three lookups in a row say that the record is gone, or
 * when nobody could say for LIMIT_CONSENT_KEEP_S. Pure. */
#ifndef PROBE_CONSENT_WATCH_H
#define PROBE_CONSENT_WATCH_H

#include "probe/lookup.h"
#include "zone/verdicts/failure.h"

struct consent_watch {
    bool needed;
    bool given;
    unsigned misses;      /* in a row, while it is given */
    uint64_t answered_ms; /* when the zone last said anything, or the watch began */
    uint64_t due_ms;
    uint64_t refused_ms; /* since when it is not given */
};

/* A member that was good counts as one that consents, until the zone says otherwise. */
void consent_watch_begin(struct consent_watch *watch, bool was_good, uint64_t now_ms);
void consent_watch_end(struct consent_watch *watch);
/* True if the next lookup has to ask. */
bool consent_watch_asks(const struct consent_watch *watch, uint64_t now_ms);
/* Takes over a lookup's answer. NONE, or CONSENT if the member may not be handed out. */
enum failure consent_watch_take(struct consent_watch *watch, const struct lookup_answer *answer,
                                uint64_t now_ms);
/* Until the next lookup of a member that does not consent: a while at first, then a 24th of the
 * time since then, at most LIMIT_CONSENT_RETRY_S. */
uint64_t consent_watch_pause_ms(const struct consent_watch *watch, uint32_t interval_ms,
                                uint64_t now_ms);

#endif
