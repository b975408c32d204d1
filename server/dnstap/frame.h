/* One dnstap frame: a DNS message with its addresses and times, as the protocol buffer
 * dnstap.Dnstap. Only fields that this server fills in are written, so there is no generated code
 * here; tests/unit/server/dnstap/dnstap.proto has their schema. */
#ifndef SERVER_FRAME_H
#define SERVER_FRAME_H

#include <time.h>

#include "zone/base/address.h"

enum {
    FRAME_TEXT_MAX = 255,
    FRAME_ORIGIN_MAX = 2 * (3 + FRAME_TEXT_MAX) + 2,
    FRAME_HEAD_MAX = 96, /* all of a message but its octets */
    FRAME_MORE = 8       /* the lengths around both */
};

/* The part that is the same in each frame. */
struct frame_origin {
    uint8_t octets[FRAME_ORIGIN_MAX];
    size_t len;
};

/* `identity` and `version` are cut after FRAME_TEXT_MAX octets. */
void frame_origin_set(struct frame_origin *origin, const char *identity, const char *version);

struct frame_message {
    const struct endpoint *client, *server;
    bool tcp;
    const struct timespec *asked;    /* the time of the query */
    const struct timespec *answered; /* the time of the response; NULL: the message is the query */
    const uint8_t *data;
    size_t len;
};

/* The octets that a frame with a DNS message of `len` octets takes at most. */
static inline size_t frame_room(const struct frame_origin *origin, size_t len)
{
    return origin->len + FRAME_HEAD_MAX + FRAME_MORE + len;
}

/* Writes the frame into at least frame_room octets and returns its length. */
size_t frame_write(uint8_t *out, const struct frame_origin *origin,
                   const struct frame_message *message);

#endif
