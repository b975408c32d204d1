/* The addresses of a name that a member brings, as they become known: for how long they are
 * believed, and what happens to them when the resolver can't say. Pure. */
#ifndef PROBE_RESOLVED_ADDRESSES_H
#define PROBE_RESOLVED_ADDRESSES_H

#include "probe/lookup.h"
#include "zone/verdicts/failure.h"

struct resolved_addresses {
    unsigned count;
    struct address addresses[LIMIT_ADDRESSES]; /* in order */
    uint64_t told_ms[2];                       /* when the resolver last spoke of IPv6, IPv4 */
};

/* Enters what a lookup brought. NONE: the addresses are those of `target`. Else there is none to
 * probe, and this is why. While nobody can say, of both families or of one, the addresses before
 * stay for LIMIT_RESOLVE_KEEP_S. */
enum failure resolved_addresses_take(struct resolved_addresses *resolved,
                                     const struct lookup_answer *answer, uint64_t now_ms);
/* How long until the next lookup: by the TTL from `interval_ms` to LIMIT_TTL_S, `interval_ms` if
 * something could not be said. */
uint64_t resolved_addresses_pause_ms(const struct lookup_answer *answer, uint32_t interval_ms);

#endif
