#include "zone/fleet/hello.h"

enum {
    LAYOUT = 1,
    ANSWERS = 1,
    HAS_IDENTITY = 2
};

size_t hello_encode(const struct hello *hello, uint8_t *out)
{
    struct writer w = writer_of(out, HELLO_MAX);
    write_u8(&w, LAYOUT);
    write_u8(&w,
             (uint8_t)((hello->answers ? ANSWERS : 0) | (hello->has_identity ? HAS_IDENTITY : 0)));
    write_text(&w, hello->version);
    write_u64(&w, hello->started_at);
    write_u32(&w, hello->schema);
    write_u32(&w, hello->epoch);
    write_u64(&w, hello->seq);
    write_octets(&w, hello->identity, sizeof(hello->identity));
    write_u64(&w, hello->package);
    ASSERT(!w.failed);
    return w.at;
}

enum result hello_decode(struct hello *out, struct octets octets)
{
    struct reader r = reader_of(octets.data, octets.len);
    struct hello hello = { .seq = 0 };
    uint8_t layout = read_u8(&r), flags = read_u8(&r);
    hello.answers = (flags & ANSWERS) != 0;
    hello.has_identity = (flags & HAS_IDENTITY) != 0;
    read_text(&r, hello.version, sizeof(hello.version));
    hello.started_at = read_u64(&r);
    hello.schema = read_u32(&r);
    hello.epoch = read_u32(&r);
    hello.seq = read_u64(&r);
    read_into(&r, hello.identity, sizeof(hello.identity));
    hello.package = read_u64(&r);
    if (r.failed || layout == 0 || (layout == LAYOUT && reader_left(&r) > 0)) {
        return RESULT_INVALID;
    }
    *out = hello;
    return RESULT_OK;
}
