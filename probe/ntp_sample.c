#include "probe/ntp_sample.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    LEAP_UNKNOWN = 3
};

static const uint64_t unix_in_ntp_s = 2208988800; /* 1900 to 1970 */

/* 32.32 seconds since 1900. The era is lost, which does not matter to differences of less than 68
 * years. */
static uint64_t ntp_of_unix_us(int64_t unix_us)
{
    uint64_t s = (uint64_t)(unix_us / 1000000) + unix_in_ntp_s;
    uint64_t us = (uint64_t)(unix_us % 1000000);
    return s << 32 | (us << 32) / 1000000;
}

/* Signed 32.32 seconds to microseconds. */
static int64_t us_of_ntp(int64_t difference)
{
    int64_t s = difference >> 32;
    int64_t fraction = difference & 0xffffffff;
    return s * 1000000 + (fraction * 1000000 >> 32);
}

static uint64_t us_of_short(uint32_t value)
{
    return (uint64_t)value * 1000000 >> 16;
}

struct ntp_sample ntp_sample_of(const struct ntp_header *header, int64_t sent_at_us,
                                int64_t elapsed_us)
{
    int64_t out = us_of_ntp((int64_t)(header->receive - ntp_of_unix_us(sent_at_us)));
    int64_t back = us_of_ntp((int64_t)(header->transmit - ntp_of_unix_us(sent_at_us + elapsed_us)));
    int64_t held = us_of_ntp((int64_t)(header->transmit - header->receive));
    /* a server can't have held the request for longer than we waited, or for a negative time */
    int64_t rtt = held < 0 || held > elapsed_us ? elapsed_us : elapsed_us - held;
    uint64_t distance = us_of_short(header->root_delay) / 2 + us_of_short(header->root_dispersion);
    return (struct ntp_sample){
        .leap = header->leap,
        .stratum = header->stratum,
        .offset_us = out / 2 + back / 2,
        .rtt_us = rtt > UINT32_MAX ? UINT32_MAX : (uint32_t)(rtt < 0 ? 0 : rtt),
        .root_distance_us = distance > UINT32_MAX ? UINT32_MAX : (uint32_t)distance,
    };
}

uint64_t ntp_sample_error_us(const struct ntp_sample *sample)
{
    uint64_t size =
        sample->offset_us < 0 ? 0 - (uint64_t)sample->offset_us : (uint64_t)sample->offset_us;
    uint64_t half = sample->rtt_us / 2;
    return size > half ? size - half : 0;
}

enum failure ntp_sample_judge(const struct ntp_sample *sample, const struct ntp_header *header,
                              char *detail)
{
    if (sample->leap == LEAP_UNKNOWN) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "leap indicator 3, stratum %u", sample->stratum);
        return FAILURE_UNSYNCHRONISED;
    }
    if (sample->stratum == 0) {
        /* RFC 5905 7.4: stratum 0 carries a kiss code, which is shown if it is printable */
        const uint8_t *code = header->refid;
        for (size_t i = 0; i < sizeof(header->refid); i++) {
            if (code[i] < 'A' || code[i] > 'Z') {
                (void)snprintf(detail, NTS_DETAIL_ROOM, "stratum 0");
                return FAILURE_STRATUM;
            }
        }
        (void)snprintf(detail, NTS_DETAIL_ROOM, "kiss code %.4s", (const char *)code);
        return FAILURE_NTP_KOD;
    }
    if (sample->stratum > SAMPLE_STRATUM_MAX) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "stratum %u", sample->stratum);
        return FAILURE_STRATUM;
    }
    if (header->transmit == 0) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "the transmit timestamp is 0");
        return FAILURE_TRANSMIT;
    }
    if (sample->root_distance_us >= SAMPLE_ROOT_DISTANCE_MAX_MS * 1000U) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "root distance %.3f s",
                       sample->root_distance_us / 1e6);
        return FAILURE_ROOT_DISTANCE;
    }
    if (ntp_sample_error_us(sample) > SAMPLE_OFFSET_MAX_US) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "offset %+.6f s, round trip %.3f ms",
                       (double)sample->offset_us / 1e6, sample->rtt_us / 1e3);
        return FAILURE_OFFSET;
    }
    return FAILURE_NONE;
}
