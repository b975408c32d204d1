#include "probe/consent_watch.h"

#include "probe/schedule.h"
#include "zone/base/u64.h"

void consent_watch_begin(struct consent_watch *watch, bool was_good, uint64_t now_ms)
{
    *watch = (struct consent_watch){
        .needed = true, .given = was_good, .answered_ms = now_ms, .refused_ms = now_ms
    };
}

void consent_watch_end(struct consent_watch *watch)
{
    *watch = (struct consent_watch){ .needed = false };
}

bool consent_watch_asks(const struct consent_watch *watch, uint64_t now_ms)
{
    return watch->needed && (!watch->given || watch->due_ms <= now_ms);
}

static void take_consent(struct consent_watch *watch, uint64_t now_ms)
{
    watch->given = true;
    watch->misses = 0;
    watch->answered_ms = now_ms;
    watch->due_ms = now_ms + LIMIT_DAILY_S * UINT64_C(1000);
}

/* A zone that can't be asked says nothing, but not for ever. */
static bool is_over(const struct consent_watch *watch, uint64_t now_ms)
{
    return watch->misses >= LIMIT_CONSENT_MISSES ||
           now_ms - watch->answered_ms > LIMIT_CONSENT_KEEP_S * UINT64_C(1000);
}

enum failure consent_watch_take(struct consent_watch *watch, const struct lookup_answer *answer,
                                uint64_t now_ms)
{
    if (!watch->needed) {
        return FAILURE_NONE;
    }
    switch (answer->consent) {
    case LOOKUP_CONSENTS:
        take_consent(watch, now_ms);
        break;
    case LOOKUP_CONSENTS_TO_OTHERS:
    case LOOKUP_NO_CONSENT:
        watch->misses++;
        watch->answered_ms = now_ms;
        watch->due_ms = now_ms + LIMIT_CONSENT_RETRY_S * UINT64_C(1000);
        break;
    case LOOKUP_CONSENT_FAILED:
        watch->due_ms = now_ms + LIMIT_CONSENT_RETRY_S * UINT64_C(1000);
        break;
    case LOOKUP_NOT_ASKED:
        break;
    }
    if (watch->given && is_over(watch, now_ms)) {
        watch->given = false;
        watch->refused_ms = now_ms;
    }
    return watch->given ? FAILURE_NONE : FAILURE_CONSENT;
}

uint64_t consent_watch_pause_ms(const struct consent_watch *watch, uint32_t interval_ms,
                                uint64_t now_ms)
{
    uint64_t refused_s = (now_ms - watch->refused_ms) / 1000;
    uint64_t pause_ms = schedule_pause_ms(interval_ms, 1, refused_s);
    return u64_max(interval_ms, u64_min(pause_ms, LIMIT_CONSENT_RETRY_S * UINT64_C(1000)));
}
