#include "probe/stall.h"

#include <time.h>

uint64_t stall_now(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_BOOTTIME, &at);
    return (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_nsec / 1000000;
}

void stall_tick(struct stall *stall, uint64_t now)
{
    uint64_t pause = stall->ticked_at == 0 ? 0 : now - stall->ticked_at;
    stall->ticked_at = now;
    if (pause >= STALL_SHORT_MS) {
        stall->short_at = now;
    }
    if (pause >= STALL_LONG_MS) {
        stall->long_at = now;
    }
}

bool stall_may_explain(const struct stall *stall, enum failure failure, uint64_t since,
                       uint64_t now)
{
    if (stall == NULL || stall->ticked_at == 0 || failure == FAILURE_NONE) {
        return false;
    }
    /* a socket may be served before the first tick after a stall */
    uint64_t pause = now - stall->ticked_at;
    bool was_long = pause >= STALL_LONG_MS || stall->long_at > since;
    bool was_short = pause >= STALL_SHORT_MS || stall->short_at > since;
    bool closed = failure == FAILURE_TLS_HANDSHAKE || failure == FAILURE_KE_CLOSED;
    return was_long || (was_short && closed);
}

unsigned stall_length(const struct stall *stall, uint64_t since)
{
    return stall->long_at > since ? STALL_LONG_MS : stall->short_at > since ? STALL_SHORT_MS : 0;
}
