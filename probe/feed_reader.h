/* Reads the feed, and reads it again when a newer one has been renamed into its place. If that one
 * is not valid, the former stays in force. */
#ifndef PROBE_FEED_READER_H
#define PROBE_FEED_READER_H

#include "zone/verdicts/feed.h"

struct feed_reader {
    const char *state_dir;
    struct feed_mark mark; /* of the feed that was read last */
    uint64_t retry_ms;     /* an invalid feed is not read again before */
};

/* Sets `*out` to a newer feed, which the caller frees, or to NULL. */
enum result feed_reader_look(struct feed_reader *reader, struct feed **out, struct diag *diag);

#endif
