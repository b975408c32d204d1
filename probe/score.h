/* The score of one address: the NTP pool's rule (each probe: score = 0.95 * score + step) with
 * steps for NTS added. Pure.
 *
 * All in thousandths. From 20 two silent probes fall under 10; from 0 fourteen good ones reach
 * 10. */
#ifndef PROBE_SCORE_H
#define PROBE_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/verdicts/health.h"

enum {
    SCORE_MIN_MILLI = -100000,
    SCORE_MAX_MILLI = 20000,
    /* Strata from here count as bad. The NTP pool draws this line one lower; but 8 is what an
     * island of servers with a local or orphan clock serves by common configuration, and they keep
     * time together. */
    SCORE_STRATUM_BAD = 9,
    /* With a larger error at each probe the score does not get to 10. */
    SCORE_ERROR_BAD_US = 100000
};

/* What a probe adds, and the most that the score may be after it. */
struct score_step {
    int32_t step_milli;
    int32_t cap_milli;
};

/* `error_us` (ntp_sample_error_us) and `stratum` are looked at only when time was received: for
 * NONE, OFFSET. */
struct score_step score_step_of(enum failure failure, uint64_t error_us, uint8_t stratum,
                                bool cookies_short);
/* Of time that is no failure, and still keeps the score low: bits, enum warning. */
uint16_t score_warnings(uint64_t error_us, uint8_t stratum);
int32_t score_next(int32_t score_milli, struct score_step step);

#endif
