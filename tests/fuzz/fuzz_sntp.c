/* Any octets as the reply of a plain NTP server: as they are, and with our request's timestamp as
 * the origin timestamp. */
#include <stdlib.h>

#include "probe/sntp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ORIGIN_AT = 24
};

static const uint8_t transmit[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static void check(const uint8_t *data, size_t size)
{
    static const int64_t sent_at_us[] = { 0, 1800000000000000 };
    static const int64_t elapsed_us[] = { 0, 1500000 };
    struct ntp_header header = { 0 };
    if (!sntp_parse(&header, data, size, transmit)) {
        return;
    }
    ASSERT(size >= SNTP_LEN && memcmp(header.origin, transmit, sizeof(transmit)) == 0);
    for (size_t i = 0; i < sizeof(sent_at_us) / sizeof(sent_at_us[0]); i++) {
        const struct ntp_sample sample = ntp_sample_of(&header, sent_at_us[i], elapsed_us[i]);
        char detail[NTS_DETAIL_ROOM] = "";
        ASSERT(sample.stratum > 0 && sample.stratum <= SAMPLE_STRATUM_MAX);
        (void)ntp_sample_error_us(&sample);
        ASSERT(failure_id(ntp_sample_judge(&sample, &header, detail)) != NULL);
        ASSERT(strnlen(detail, sizeof(detail)) < sizeof(detail));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size);
    if (size >= ORIGIN_AT + sizeof(transmit)) {
        uint8_t *echoed = xmalloc(size);
        memcpy(echoed, data, size);
        memcpy(echoed + ORIGIN_AT, transmit, sizeof(transmit));
        check(echoed, size);
        free(echoed);
    }
    return 0;
}
