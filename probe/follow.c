#include "probe/follow.h"

#include "probe/limits.h"
#include "zone/base/clock.h"

enum result follow_look(struct follow *follow, struct feed **out, struct diag *diag)
{
    uint64_t now_ms = clock_steady_ms();
    *out = NULL;
    if (now_ms < follow->retry_ms || !feed_changed(&follow->mark, follow->state_dir)) {
        return RESULT_OK;
    }
    enum result result = feed_read(out, follow->state_dir, diag);
    if (result != RESULT_OK) {
        follow->mark = feed_mark_none;
        follow->retry_ms = now_ms + LIMIT_RETRY_MS;
    }
    return result;
}
