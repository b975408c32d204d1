#include "probe/resolved_addresses.h"

#include "zone/base/u64.h"

/* The former addresses of one family, unless they are too old. */
static unsigned keep(struct address *out, const struct resolved_addresses *resolved, bool ipv4,
                     uint64_t now_ms)
{
    unsigned count = 0;
    bool stale = now_ms - resolved->answered_ms[ipv4] > LIMIT_RESOLVE_KEEP_S * UINT64_C(1000);
    for (unsigned i = 0; i < resolved->count && !stale; i++) {
        if (address_is_ipv4(&resolved->addresses[i]) == ipv4) {
            out[count++] = resolved->addresses[i];
        }
    }
    return count;
}

static unsigned take(struct address *out, const struct lookup_answer *answer, bool ipv4)
{
    unsigned count = 0;
    for (unsigned i = 0; i < answer->count; i++) {
        if (address_is_ipv4(&answer->addresses[i]) == ipv4) {
            out[count++] = answer->addresses[i];
        }
    }
    return count;
}

enum failure resolved_addresses_take(struct resolved_addresses *resolved,
                                     const struct lookup_answer *answer, uint64_t now_ms)
{
    struct resolved_addresses next = *resolved;
    next.count = 0;
    /* IPv4 addresses are stored mapped, so they come first */
    for (unsigned i = 2; i-- > 0;) {
        struct address family[LIMIT_ADDRESSES];
        bool unknown = answer->unknown[i] && answer->state != LOOKUP_NO_NAME;
        unsigned count =
            unknown ? keep(family, resolved, i == 1, now_ms) : take(family, answer, i == 1);
        for (unsigned k = 0; k < count && next.count < LIMIT_ADDRESSES; k++) {
            next.addresses[next.count++] = family[k];
        }
        next.answered_ms[i] = unknown ? resolved->answered_ms[i] : now_ms;
    }
    *resolved = next;
    if (next.count > 0) {
        return FAILURE_NONE;
    }
    return answer->state == LOOKUP_NO_NAME ? FAILURE_RESOLVE_MISSING : FAILURE_RESOLVE;
}

uint64_t resolved_addresses_pause_ms(const struct lookup_answer *answer, uint32_t interval_ms)
{
    uint64_t ttl_ms = u64_min(answer->ttl_s, LIMIT_TTL_S) * 1000;
    bool known = answer->state == LOOKUP_FOUND && !answer->unknown[0] && !answer->unknown[1];
    return known ? u64_max(ttl_ms, interval_ms) : interval_ms;
}
