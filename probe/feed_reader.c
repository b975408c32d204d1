#include "probe/feed_reader.h"

#include "probe/limits.h"
#include "zone/base/clock.h"

enum result feed_reader_look(struct feed_reader *reader, struct feed **out, struct diag *diag)
{
    uint64_t now_ms = clock_steady_ms();
    *out = NULL;
    if (now_ms < reader->retry_ms || !feed_changed(&reader->mark, reader->state_dir)) {
        return RESULT_OK;
    }
    enum result result = feed_read(out, reader->state_dir, diag);
    if (result != RESULT_OK) {
        reader->mark = feed_mark_none;
        reader->retry_ms = now_ms + LIMIT_RETRY_MS;
    }
    return result;
}
