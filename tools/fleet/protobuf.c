#include "tools/fleet/protobuf.h"

#include <stdlib.h>

#include "zone/base/array.h"

enum {
    VARINT_MAX = 10 /* octets of a 64-bit number */
};

void protobuf_free(struct protobuf *message)
{
    free(message->data);
    *message = (struct protobuf){ .data = NULL };
}

static void put(struct protobuf *message, const void *data, size_t len)
{
    ARRAY_RESERVE(message->data, message->room, message->len + len);
    if (len > 0) {
        memcpy(message->data + message->len, data, len);
    }
    message->len += len;
}

static size_t make_varint(uint8_t out[VARINT_MAX], uint64_t value)
{
    size_t len = 0;
    do {
        out[len++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    return len;
}

static void put_varint(struct protobuf *message, uint64_t value)
{
    uint8_t varint[VARINT_MAX];
    put(message, varint, make_varint(varint, value));
}

static void put_tag(struct protobuf *message, unsigned field, enum protobuf_kind kind)
{
    put_varint(message, (uint64_t)field << 3 | kind);
}

void protobuf_put_value(struct protobuf *message, unsigned field, uint64_t value)
{
    put_tag(message, field, PROTOBUF_VARINT);
    put_varint(message, value);
}

void protobuf_put_octets(struct protobuf *message, unsigned field, struct octets octets)
{
    put_tag(message, field, PROTOBUF_OCTETS);
    put_varint(message, octets.len);
    put(message, octets.data, octets.len);
}

void protobuf_put_text(struct protobuf *message, unsigned field, const char *text)
{
    protobuf_put_octets(message, field, (struct octets){ (const uint8_t *)text, strlen(text) });
}

size_t protobuf_begin(struct protobuf *message, unsigned field)
{
    put_tag(message, field, PROTOBUF_OCTETS);
    return message->len;
}

/* The length goes before the octets, and is known only now. */
void protobuf_end(struct protobuf *message, size_t mark)
{
    uint8_t varint[VARINT_MAX];
    size_t len = message->len - mark, shift = make_varint(varint, len);
    put(message, varint, shift); /* makes the room */
    memmove(message->data + mark + shift, message->data + mark, len);
    memcpy(message->data + mark, varint, shift);
}

static uint64_t read_varint(struct reader *message)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_MAX; i++) {
        uint8_t octet = read_u8(message);
        if (i == VARINT_MAX - 1 && octet > 1) { /* more than 64 bits */
            break;
        }
        value |= (uint64_t)(octet & 0x7f) << (7 * i);
        if ((octet & 0x80) == 0) {
            return value;
        }
    }
    message->failed = true;
    return 0;
}

static uint64_t read_fixed(struct reader *message, size_t len)
{
    const uint8_t *data = read_octets(message, len);
    uint64_t value = 0;
    for (size_t i = len; data != NULL && i > 0; i--) {
        value = value << 8 | data[i - 1];
    }
    return value;
}

bool protobuf_next(struct reader *message, struct protobuf_field *out)
{
    if (reader_left(message) == 0) {
        return false;
    }
    uint64_t tag = read_varint(message), number = tag >> 3;
    struct protobuf_field field = { .number = (unsigned)number,
                                    .kind = (enum protobuf_kind)(tag & 7) };
    switch (field.kind) {
    case PROTOBUF_VARINT:
        field.value = read_varint(message);
        break;
    case PROTOBUF_FIXED64:
        field.value = read_fixed(message, 8);
        break;
    case PROTOBUF_FIXED32:
        field.value = read_fixed(message, 4);
        break;
    case PROTOBUF_OCTETS:
        field.octets.len = (size_t)read_varint(message);
        field.octets.data = read_octets(message, field.octets.len);
        break;
    default: /* groups, which nobody uses any more */
        message->failed = true;
    }
    if (number == 0 || number > UINT32_MAX >> 3) {
        message->failed = true;
    }
    if (message->failed) {
        return false;
    }
    *out = field;
    return true;
}

bool protobuf_is_octets(const struct protobuf_field *field, unsigned number)
{
    return field->number == number && field->kind == PROTOBUF_OCTETS;
}

bool protobuf_is_value(const struct protobuf_field *field, unsigned number)
{
    return field->number == number && field->kind == PROTOBUF_VARINT;
}
