/* Any octets as an Ethernet frame: the reader stays inside it, and the answer to an accepted one is
 * a frame that its client would accept, back to the query's ends. */
#include <stdint.h>

#include "server/io/xdp_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ANSWER_MAX = 64
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xdp_frame query, answer;
    uint8_t out[XDP_FRAME_HEADERS_MAX + ANSWER_MAX];
    if (!xdp_frame_read(&query, data, size)) {
        return 0;
    }
    ASSERT(query.message.data >= data && query.message.data + query.message.len <= data + size);
    ASSERT(query.headers <= XDP_FRAME_HEADERS_MAX);
    size_t len = query.message.len < ANSWER_MAX ? query.message.len : ANSWER_MAX;
    memcpy(out + query.headers, query.message.data, len);
    size_t whole = xdp_frame_reply(out, &query, len);
    ASSERT(whole == query.headers + len);
    /* A server that is no sender, as multicast, can't be the source of a frame. */
    if (!xdp_frame_read(&answer, out, whole)) {
        ASSERT(query.server.port == 0 || address_special(&query.server.address) != NULL);
        return 0;
    }
    ASSERT(answer.message.len == len && answer.ipv6 == query.ipv6);
    ASSERT(memcmp(answer.message.data, query.message.data, len) == 0);
    ASSERT(address_equal(&answer.client.address, &query.server.address));
    ASSERT(address_equal(&answer.server.address, &query.client.address));
    ASSERT(answer.client.port == query.server.port && answer.server.port == query.client.port);
    return 0;
}
