/* Protocol Buffers, as much as messages of the engine need: varints and runs of octets (texts,
 * submessages), written in the shortest form and read within bounds.
 *
 * A reader is a struct reader (zone/base/wire.h). Its failure sticks: go through all fields, then
 * ask `failed` once. Fields that a decoder does not know are skipped, as the format demands. */
#ifndef TOOLS_PROTOBUF_H
#define TOOLS_PROTOBUF_H

#include "zone/base/wire.h"

/* Starts from `{ 0 }` and grows. */
struct protobuf {
    uint8_t *data;
    size_t len, room;
};

enum protobuf_kind {
    PROTOBUF_VARINT = 0,
    PROTOBUF_FIXED64 = 1, /* both fixed kinds are read as a value */
    PROTOBUF_OCTETS = 2,
    PROTOBUF_FIXED32 = 5
};

struct protobuf_field {
    unsigned number;
    enum protobuf_kind kind;
    uint64_t value;       /* not of PROTOBUF_OCTETS */
    struct octets octets; /* of PROTOBUF_OCTETS: within the message */
};

void protobuf_free(struct protobuf *message);

/* Writes the field, a value of 0 too: leave out fields that have their default. */
void protobuf_put_value(struct protobuf *message, unsigned field, uint64_t value);
void protobuf_put_octets(struct protobuf *message, unsigned field, struct octets octets);
void protobuf_put_text(struct protobuf *message, unsigned field, const char *text);
/* What is written between the two is a submessage. `begin` returns the mark for `end`. */
size_t protobuf_begin(struct protobuf *message, unsigned field);
void protobuf_end(struct protobuf *message, size_t mark);

/* The next field. False at the end, and on what is no field (`message->failed`). */
bool protobuf_next(struct reader *message, struct protobuf_field *out);
/* True if the field is a run of octets of that number, or a value. */
bool protobuf_is_octets(const struct protobuf_field *field, unsigned number);
bool protobuf_is_value(const struct protobuf_field *field, unsigned number);

#endif
