/* What an authentic reply says of the server's clock (RFC 5905 8). Pure. */
#ifndef PROBE_NTP_SAMPLE_H
#define PROBE_NTP_SAMPLE_H

#include "probe/nts_ntp.h"

enum {
    SAMPLE_STRATUM_MAX = 15,
    SAMPLE_ROOT_DISTANCE_MAX_MS = 1500,
    /* of the error (ntp_sample_error_us); beyond it the score only falls */
    SAMPLE_OFFSET_MAX_US = 750000
};

struct ntp_sample {
    uint8_t leap;
    uint8_t stratum;
    int64_t offset_us; /* server minus us */
    uint32_t rtt_us;   /* without the server's own time */
    uint32_t root_distance_us;
};

/* `sent_at_us` is the Unix time at which the request was sent, by our clock. `elapsed_us` is the
 * time until the reply arrived, by a monotonic clock. */
struct ntp_sample ntp_sample_of(const struct ntp_header *header, int64_t sent_at_us,
                                int64_t elapsed_us);
/* The part of the offset that the path's delay can't explain: |offset| - rtt / 2, at least 0. */
uint64_t ntp_sample_error_us(const struct ntp_sample *sample);
/* NONE if the time is good enough for clients, else the class, with the figures in `detail`
 * (NTS_DETAIL_ROOM). */
enum failure ntp_sample_judge(const struct ntp_sample *sample, const struct ntp_header *header,
                              char *detail);

#endif
