/* Any octets as a head, as a position and as a key of a row: what is read is written as it was. */
#include <stdint.h>
#include <string.h>

#include "zone/ledger/ledgerhead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct octets octets = { data, size };
    struct ledgerhead head;
    struct ledgerhead_position position;
    struct ledgerrow_name name;
    uint8_t out[LEDGERHEAD_POSITION_MAX], room[LEDGERROW_NAME_MAX];
    char key[LEDGERROW_KEY_ROOM];
    if (ledgerhead_decode(&head, octets) == RESULT_OK) {
        ASSERT(ledgerhead_encode(&head, out) == size && memcmp(out, data, size) == 0);
        ASSERT(ledgerhead_relate(&head, &head) == LEDGERHEAD_SAME);
    }
    if (ledgerhead_decode_position(&position, octets) == RESULT_OK) {
        ASSERT(ledgerhead_encode_position(&position, out) == size && memcmp(out, data, size) == 0);
    }
    if (ledgerrow_parse(&name, octets, room) == RESULT_OK) {
        (void)ledgerrow_key(&name, key);
        ASSERT(strlen(key) == size && memcmp(key, data, size) == 0);
    }
    return 0;
}
