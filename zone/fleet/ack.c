#include "zone/fleet/ack.h"

enum {
    LAYOUT = 1
};

size_t ack_encode(const struct ack *ack, uint8_t *out)
{
    struct writer w = writer_of(out, ACK_MAX);
    write_u8(&w, LAYOUT);
    write_u32(&w, ack->epoch);
    write_u64(&w, ack->seq);
    ASSERT(!w.failed);
    return w.at;
}

enum result ack_decode(struct ack *out, struct octets octets)
{
    struct reader r = reader_of(octets.data, octets.len);
    uint8_t layout = read_u8(&r);
    struct ack ack = { .epoch = read_u32(&r) };
    ack.seq = read_u64(&r);
    if (r.failed || layout == 0 || (layout == LAYOUT && reader_left(&r) > 0)) {
        return RESULT_INVALID;
    }
    *out = ack;
    return RESULT_OK;
}

bool ack_has(const struct ack *ack, uint32_t epoch, uint64_t seq)
{
    return ack->epoch > epoch || (ack->epoch == epoch && ack->seq >= seq);
}
