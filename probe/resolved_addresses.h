/* The addresses of a member's own name: which ones are used, for how long, and what happens to them
 * while the name can't be resolved. Pure. */
#ifndef PROBE_RESOLVED_ADDRESSES_H
#define PROBE_RESOLVED_ADDRESSES_H

#include "probe/lookup.h"
#include "zone/verdicts/failure.h"

struct resolved_addresses {
    unsigned count;
    struct address addresses[LIMIT_ADDRESSES]; /* in order */
    uint64_t answered_ms[2];                   /* when the resolver last answered for IPv6, IPv4 */
};

/* Takes over a lookup's answer. NONE: the addresses are in `resolved`. Else there is none to probe,
 * and the failure says why. While the lookups of a family fail, its former addresses stay for
 * LIMIT_RESOLVE_KEEP_S. */
enum failure resolved_addresses_take(struct resolved_addresses *resolved,
                                     const struct lookup_answer *answer, uint64_t now_ms);
/* Until the next lookup: the TTL, but at least `interval_ms` and at most LIMIT_TTL_S. `interval_ms`
 * if a query failed. */
uint64_t resolved_addresses_pause_ms(const struct lookup_answer *answer, uint32_t interval_ms);

#endif
