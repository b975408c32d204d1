#include "server/dnstap/frame.h"

/* How a field's value is encoded: the lower three bits of its tag. */
enum encoding {
    VARINT = 0,
    LENGTH = 2, /* octets with their length in front */
    FIXED32 = 5
};

/* Fields of dnstap.Dnstap. */
enum {
    IDENTITY = 1,
    VERSION = 2,
    MESSAGE = 14,
    TYPE = 15,
    TYPE_MESSAGE = 1
};

/* Fields of dnstap.Message. */
enum {
    KIND = 1,
    FAMILY = 2,
    PROTOCOL = 3,
    QUERY_ADDRESS = 4,
    RESPONSE_ADDRESS = 5,
    QUERY_PORT = 6,
    RESPONSE_PORT = 7,
    QUERY_SECONDS = 8,
    QUERY_NANOSECONDS = 9,
    QUERY_MESSAGE = 10,
    RESPONSE_SECONDS = 12,
    RESPONSE_NANOSECONDS = 13,
    RESPONSE_MESSAGE = 14
};

enum {
    AUTH_QUERY = 1,
    AUTH_RESPONSE = 2,
    INET = 1,
    INET6 = 2,
    UDP = 1,
    TCP = 2
};

static void write_varint(struct writer *w, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        write_u8(w, (uint8_t)(value | 0x80));
    }
    write_u8(w, (uint8_t)value);
}

/* All fields have numbers under 16, so a tag is one octet. */
static void write_tag(struct writer *w, unsigned field, enum encoding encoding)
{
    write_u8(w, (uint8_t)(field << 3 | encoding));
}

static void write_number(struct writer *w, unsigned field, uint64_t value)
{
    write_tag(w, field, VARINT);
    write_varint(w, value);
}

static void write_field(struct writer *w, unsigned field, const void *data, size_t len)
{
    write_tag(w, field, LENGTH);
    write_varint(w, len);
    write_octets(w, data, len);
}

static void write_time(struct writer *w, unsigned seconds, unsigned nanoseconds,
                       const struct timespec *at)
{
    uint32_t part = (uint32_t)at->tv_nsec;
    write_number(w, seconds, (uint64_t)at->tv_sec);
    write_tag(w, nanoseconds, FIXED32);
    for (unsigned i = 0; i < 4; i++) { /* the lowest octet first */
        write_u8(w, (uint8_t)(part >> 8 * i));
    }
}

void frame_origin_set(struct frame_origin *origin, const char *identity, const char *version)
{
    struct writer w = writer_of(origin->octets, sizeof(origin->octets));
    write_field(&w, IDENTITY, identity, strnlen(identity, FRAME_TEXT_MAX));
    write_field(&w, VERSION, version, strnlen(version, FRAME_TEXT_MAX));
    write_number(&w, TYPE, TYPE_MESSAGE);
    ASSERT(!w.failed);
    origin->len = w.at;
}

/* The message's fields up to the tag and length of its octets, which are the last. */
static void write_head(struct writer *w, const struct frame_message *message)
{
    const struct address *client = &message->client->address, *server = &message->server->address;
    bool ipv4 = address_is_ipv4(client);
    size_t skip = ipv4 ? 12 : 0; /* the last 4 octets are the IPv4 address */
    write_number(w, KIND, message->answered != NULL ? AUTH_RESPONSE : AUTH_QUERY);
    write_number(w, FAMILY, ipv4 ? INET : INET6);
    write_number(w, PROTOCOL, message->tcp ? TCP : UDP);
    write_field(w, QUERY_ADDRESS, client->octets + skip, sizeof(client->octets) - skip);
    write_field(w, RESPONSE_ADDRESS, server->octets + skip, sizeof(server->octets) - skip);
    write_number(w, QUERY_PORT, message->client->port);
    write_number(w, RESPONSE_PORT, message->server->port);
    write_time(w, QUERY_SECONDS, QUERY_NANOSECONDS, message->asked);
    if (message->answered != NULL) {
        write_time(w, RESPONSE_SECONDS, RESPONSE_NANOSECONDS, message->answered);
    }
    write_tag(w, message->answered != NULL ? RESPONSE_MESSAGE : QUERY_MESSAGE, LENGTH);
    write_varint(w, message->len);
}

size_t frame_write(uint8_t *out, const struct frame_origin *origin,
                   const struct frame_message *message)
{
    uint8_t octets[FRAME_HEAD_MAX];
    struct writer head = writer_of(octets, sizeof(octets));
    struct writer w = writer_of(out, frame_room(origin, message->len));
    write_head(&head, message);
    write_octets(&w, origin->octets, origin->len);
    write_tag(&w, MESSAGE, LENGTH);
    write_varint(&w, head.at + message->len);
    write_octets(&w, octets, head.at);
    write_octets(&w, message->data, message->len);
    ASSERT(!head.failed && !w.failed);
    return w.at;
}
