#include "dnssec/offline/alarm.h"

#include <stdio.h>

#include "zone/base/isotime.h"
#include "zone/base/u64.h"

/* True if an offline KSK is in the DNSKEY RRset. */
static bool has_offline_signer(const struct key_set *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->list[i].offline && record_state_is_published(&keys->list[i].life.dnskey)) {
            return true;
        }
    }
    return false;
}

/* How long before the bundle's end the level begins. */
static uint64_t lead_s(enum alarm_level level, const struct slices *slices)
{
    uint64_t end = slices_end(slices), length = end - u64_min(slices->begin_at, end);
    return level == ALARM_LATE   ? u64_min(ALARM_LATE_S, length / 10)
           : level == ALARM_SOON ? u64_min(ALARM_SOON_S, length / 3)
                                 : 0;
}

enum alarm_level alarm_of(const struct key_timeline *timeline, const struct slices *slices,
                          uint64_t now)
{
    uint64_t end = slices_end(slices);
    if (!has_offline_signer(&timeline->keys)) {
        return ALARM_NONE;
    }
    if (slices_signed_until(slices, &timeline->keys, now) == 0) {
        return ALARM_ENDED;
    }
    return now + lead_s(ALARM_LATE, slices) >= end   ? ALARM_LATE
           : now + lead_s(ALARM_SOON, slices) >= end ? ALARM_SOON
                                                     : ALARM_NONE;
}

uint64_t alarm_since(enum alarm_level level, const struct slices *slices, uint64_t now)
{
    uint64_t end = slices_end(slices), since = end - u64_min(lead_s(level, slices), end);
    return level != ALARM_NONE && since <= now ? since : 0;
}

char *alarm_text(enum alarm_level level, const struct slices *slices, char out[ALARM_ROOM])
{
    static const char what[] = "(`ntspool key request`, `key sign-request`, `key import-bundle`; "
                               "where packages bring them, the next package)";
    uint64_t end_at = slices_end(slices);
    char end[ISOTIME_ROOM];
    (void)isotime_text(end_at, end);
    switch (level) {
    case ALARM_NONE:
        out[0] = 0;
        break;
    case ALARM_SOON:
        (void)snprintf(
            out, ALARM_ROOM,
            "the signatures of the offline KSK end at %s: bring the next bundle before %s", end,
            what);
        break;
    case ALARM_LATE:
        (void)snprintf(out, ALARM_ROOM,
                       "URGENT: the signatures of the offline KSK end at %s, and from then on "
                       "resolvers refuse the whole zone: bring the next bundle now %s",
                       end, what);
        break;
    case ALARM_ENDED:
        (void)snprintf(
            out, ALARM_ROOM,
            "URGENT: there is no valid signature of the offline KSK (%s%s): DNSKEY is answered "
            "with SERVFAIL, resolvers refuse the whole zone. Bring a bundle %s, or the KSK by "
            "`key online`",
            end_at != 0 ? "last bundle: until " : "no bundle is here", end_at != 0 ? end : "",
            what);
        break;
    }
    return out;
}
