/* Any octets as a request or bundle, as they are and with a correct checksum: whatever the reader
 * accepts is written back unchanged. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "dnssec/offline/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t len)
{
    struct bundle bundle;
    struct diag diag = { "" };
    size_t again_len = 0;
    if (bundle_read(&bundle, text, len, &diag) != RESULT_OK) {
        ASSERT(diag.text[0] != 0);
        return;
    }
    const struct slices *slices = &bundle.slices;
    ASSERT(slices->count > 0 && slices->count <= SLICES_MAX && bundle.keys.count <= KEYSTORE_MAX);
    for (size_t i = 1; i < slices->count; i++) {
        ASSERT(slices->list[i].from > slices->list[i - 1].from);
        ASSERT(slices->list[i].from + SLICES_MARGIN_S <= slices->list[i - 1].expiration);
    }
    char *again = bundle_write(&bundle, &again_len);
    ASSERT(again_len == len && memcmp(again, text, len) == 0);
    free(again);
    bundle_done(&bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum {
        SUM_LINE = 7 + 64 + 1
    };
    uint8_t sum[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof sum + 1];
    char *text = xmalloc(size + SUM_LINE + 1);
    memcpy(text, data, size);
    check(text, size);
    (void)crypto_hash_sha256(sum, data, size);
    sodium_bin2hex(hex, sizeof hex, sum, sizeof sum);
    (void)snprintf(text + size, SUM_LINE + 1, "sha256 %s\n", hex);
    check(text, size + SUM_LINE);
    free(text);
    return 0;
}
