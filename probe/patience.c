#include "probe/patience.h"

#include <time.h>

uint64_t patience_now(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_BOOTTIME, &at);
    return (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_nsec / 1000000;
}

void patience_look(struct patience *patience, uint64_t now)
{
    uint64_t pause = patience->looked_at == 0 ? 0 : now - patience->looked_at;
    patience->looked_at = now;
    if (pause >= PATIENCE_SHORT_MS) {
        patience->short_at = now;
    }
    if (pause >= PATIENCE_LONG_MS) {
        patience->long_at = now;
    }
}

static bool may_be_hung_up(enum failure failure)
{
    return failure == FAILURE_TLS_HANDSHAKE || failure == FAILURE_KE_CLOSED;
}

bool patience_tried(const struct patience *patience, enum failure failure, uint64_t since,
                    uint64_t now)
{
    if (patience == NULL || patience->looked_at == 0 || failure == FAILURE_NONE) {
        return false;
    }
    /* who comes here may be the first after a hold-up, before the next look */
    uint64_t pause = now - patience->looked_at;
    bool tried_long = pause >= PATIENCE_LONG_MS || patience->long_at > since;
    bool tried_short = pause >= PATIENCE_SHORT_MS || patience->short_at > since;
    return tried_long || (tried_short && may_be_hung_up(failure));
}

unsigned patience_held(const struct patience *patience, uint64_t since)
{
    return patience->long_at > since    ? PATIENCE_LONG_MS
           : patience->short_at > since ? PATIENCE_SHORT_MS
                                        : 0;
}

bool patience_again(bool *again, uv_timer_t *timer, uv_timer_cb ended)
{
    if (*again) {
        return false;
    }
    *again = true;
    return uv_timer_start(timer, ended, 1, 0) == 0;
}
