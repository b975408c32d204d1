/* Any octets as the totals of a probe: what is read from them is written the same. */
#include "zone/verdicts/probe_totals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct probe_totals totals, again;
    uint8_t octets[PROBE_TOTALS_MAX], octets_again[PROBE_TOTALS_MAX];
    if (probe_totals_decode(&totals, data, size) == RESULT_OK) {
        size_t len = probe_totals_encode(&totals, octets);
        ASSERT(probe_totals_decode(&again, octets, len) == RESULT_OK);
        ASSERT(probe_totals_encode(&again, octets_again) == len);
        for (size_t i = 0; i < len; i++) {
            ASSERT(octets[i] == octets_again[i]);
        }
    }
    return 0;
}
