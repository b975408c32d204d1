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
    uint64_t pause = stall->looked_at == 0 ? 0 : now - stall->looked_at;
    stall->looked_at = now;
    if (pause >= STALL_SHORT_MS) {
        stall->short_at = now;
    }
    if (pause >= STALL_LONG_MS) {
        stall->long_at = now;
    }
}

static bool may_be_hung_up(enum failure failure)
{
    return failure == FAILURE_TLS_HANDSHAKE || failure == FAILURE_KE_CLOSED;
}

bool stall_may_explain(const struct stall *stall, enum failure failure, uint64_t since,
                       uint64_t now)
{
    if (stall == NULL || stall->looked_at == 0 || failure == FAILURE_NONE) {
        return false;
    }
    /* who comes here may be the first after a hold-up, before the next look */
    uint64_t pause = now - stall->looked_at;
    bool tried_long = pause >= STALL_LONG_MS || stall->long_at > since;
    bool tried_short = pause >= STALL_SHORT_MS || stall->short_at > since;
    return tried_long || (tried_short && may_be_hung_up(failure));
}

unsigned stall_length(const struct stall *stall, uint64_t since)
{
    return stall->long_at > since ? STALL_LONG_MS : stall->short_at > since ? STALL_SHORT_MS : 0;
}

bool stall_look_again(bool *again, uv_timer_t *timer, uv_timer_cb ended)
{
    if (*again) {
        return false;
    }
    *again = true;
    return uv_timer_start(timer, ended, 1, 0) == 0;
}
