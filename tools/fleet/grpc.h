/* gRPC over HTTP/2, without HTTP/2: the framing of messages in a body, and what headers and
 * trailers say of the outcome. */
#ifndef TOOLS_GRPC_H
#define TOOLS_GRPC_H

#include "tools/fleet/protobuf.h"
#include "zone/base/result.h"

enum {
    GRPC_PREFIX = 5, /* octets before each message: flag, length */
    GRPC_TEXT_ROOM = 256
};

/* Codes of gRPC that mean something here. */
enum grpc_code {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5,
    GRPC_ALREADY_EXISTS = 6,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_FAILED_PRECONDITION = 9,
    GRPC_OUT_OF_RANGE = 11,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_UNAVAILABLE = 14,
    GRPC_DATA_LOSS = 15,
    GRPC_UNAUTHENTICATED = 16
};

/* What the headers of a response have said. Starts from `{ 0 }`. */
struct grpc_outcome {
    bool is_grpc; /* by its content-type */
    bool ended;   /* there was a status */
    unsigned code;
    char text[GRPC_TEXT_ROOM]; /* printable, cut where it is too long */
};

/* Messages as they arrive. Starts from `{ .message_max = ... }`. */
struct grpc_inbox {
    size_t message_max;
    uint8_t *data;
    size_t at, len, room; /* [at, len) is not taken yet */
};

/* The message with its prefix, to be sent. The caller frees it. */
void grpc_frame(struct protobuf *out, const struct protobuf *message);

/* A line of the headers or trailers, with or without its end. The first line of a response starts
 * the outcome anew. */
void grpc_header(struct grpc_outcome *outcome, const char *line, size_t len);

/* Keeps octets of the body. */
void grpc_add(struct grpc_inbox *inbox, const void *data, size_t len);
/* The next message, which lives until the next call of grpc_add or grpc_take. EXHAUSTED: not
 * whole yet. TOO_LONG: above `message_max`, told as soon as the prefix is here. INVALID: no
 * message, or compressed, which nobody asked for. */
enum result grpc_take(struct grpc_inbox *inbox, struct octets *out, struct diag *diag);
/* The same without taking it. */
enum result grpc_look(const struct grpc_inbox *inbox, struct octets *out, struct diag *diag);
/* Octets that wait. */
size_t grpc_waiting(const struct grpc_inbox *inbox);
/* Drops all that waits. */
void grpc_inbox_clear(struct grpc_inbox *inbox);

#endif
