#include "probe/feed_reader.h"

#include "probe/limits.h"
#include "zone/base/clock.h"

enum result feed_reader_look(struct feed_reader *feed_reader, struct feed **out, struct diag *diag)
{
    uint64_t now_ms = clock_steady_ms();
    *out = NULL;
    if (now_ms < feed_reader->retry_ms ||
        !feed_changed(&feed_reader->mark, feed_reader->state_dir)) {
        return RESULT_OK;
    }
    enum result result = feed_read(out, feed_reader->state_dir, diag);
    if (result != RESULT_OK) {
        feed_reader->mark = feed_mark_none;
        feed_reader->retry_ms = now_ms + LIMIT_RETRY_MS;
    }
    return result;
}
