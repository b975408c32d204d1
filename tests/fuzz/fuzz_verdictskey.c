/* Any octets as the place of a report in the engine: what is read is written as it was. */
#include <string.h>

#include "tools/fleet/verdictskey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct verdictskey key;
    if (verdictskey_parse(&key, (struct octets){ data, size })) {
        char text[VERDICTSKEY_ROOM], from[VERDICTSKEY_ROOM], to[VERDICTSKEY_ROOM];
        (void)verdictskey_text(&key, text);
        verdictskey_range(key.machine, key.vantage, from, to);
        ASSERT(strlen(text) == size + 2 && memcmp(text + 2, data, size) == 0);
        ASSERT(strcmp(from, text) < 0 && strcmp(text, to) < 0);
    }
    return 0;
}
