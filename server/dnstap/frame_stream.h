/* A reader's UNIX socket as the other end of Frame Streams, by libfstrm.
 *
 * The socket does not block: where the reader keeps us waiting, the stream asks its owner every
 * STREAM_LOOK_MS whether to go on. */
#ifndef SERVER_FRAME_STREAM_H
#define SERVER_FRAME_STREAM_H

#include <stdbool.h>
#include <sys/uio.h>

#include "zone/base/result.h"

enum {
    STREAM_LOOK_MS = 50,
    STREAM_FRAMES = 64 /* at most, in one frame_stream_write */
};

/* False in a build without dnstap. */
bool frame_stream_is_built(void);

struct frame_stream;

struct frame_stream_owner {
    bool (*goes_on)(void *arg);
    void *arg;
};

/* Connects and shakes hands. INVALID if the path can't be one of a socket, SYSTEM with the reason
 * if nobody reads there. */
enum result frame_stream_open(struct frame_stream **out, const char *path,
                              const struct frame_stream_owner *owner, struct diag *diag);
/* Writes whole frames. False: the stream is broken, close it. */
bool frame_stream_write(struct frame_stream *stream, const struct iovec *frames, unsigned count);
/* The reader has closed its end. */
bool frame_stream_has_ended(const struct frame_stream *stream);
/* Says goodbye, unless the stream is broken. */
void frame_stream_close(struct frame_stream *stream);

#endif
