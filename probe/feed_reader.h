/* The feed as the probe follows it: what the pool says now, also when a newer copy is renamed into
 * its place. While no good one is there, the last one's members stay under watch. */
#ifndef PROBE_FEED_READER_H
#define PROBE_FEED_READER_H

#include "zone/verdicts/feed.h"

struct feed_reader {
    const char *state_dir;
    struct feed_mark mark; /* of what was read */
    uint64_t retry_ms;     /* when one is tried again that was no good */
};

/* A newer feed, which the caller frees, or NULL in `*out`. */
enum result feed_reader_look(struct feed_reader *feed_reader, struct feed **out, struct diag *diag);

#endif
