/* Any octets as a response of gRPC: lines of a head up to an empty one, then a body, which arrives
 * in pieces of the length that the first octet says. */
#include <stdint.h>
#include <string.h>

#include "tools/fleet/grpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    MESSAGE_MAX = 1000
};

/* The length of the head. */
static size_t read_head(const uint8_t *data, size_t size)
{
    struct grpc_outcome outcome = { .ended = false };
    size_t at = 0;
    while (at < size && data[at] != '\n') {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end == NULL ? size - at : (size_t)(end - (data + at)) + 1;
        grpc_header(&outcome, (const char *)data + at, len);
        ASSERT(strlen(outcome.text) < GRPC_TEXT_ROOM && outcome.code < 1000);
        at += len;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t piece = (size_t)data[0] + 1, at = 1 + read_head(data + 1, size - 1);
    struct grpc_inbox inbox = { .message_max = MESSAGE_MAX };
    enum result result = RESULT_EXHAUSTED;
    while (at < size && result == RESULT_EXHAUSTED) {
        size_t len = size - at < piece ? size - at : piece;
        struct octets message;
        grpc_add(&inbox, data + at, len);
        at += len;
        do {
            result = grpc_take(&inbox, &message, NULL);
            ASSERT(result != RESULT_OK || message.len <= MESSAGE_MAX);
        } while (result == RESULT_OK);
        ASSERT(grpc_waiting(&inbox) <= MESSAGE_MAX + GRPC_PREFIX + 256);
    }
    grpc_inbox_clear(&inbox);
    return 0;
}
