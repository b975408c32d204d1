/* The score of one address, by the rule of the NTP pool (each probe: score = 0.95 * score + step),
 * with steps for NTS added. Pure.
 *
 * All in thousandths. From 20, two probes without a reply bring it under 10. From 0, fourteen good
 * ones bring it to 10. */
#ifndef PROBE_SCORE_H
#define PROBE_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/verdicts/health.h"

enum {
    SCORE_MIN_MILLI = -100000,
    SCORE_MAX_MILLI = 20000,
    /* Strata from here on count as bad. The NTP pool's limit is one lower. But an isolated group of
     * servers with a local or orphan clock commonly serves stratum 8, and keeps time together. */
    SCORE_STRATUM_BAD = 9,
    /* With a larger error at each probe the score does not reach 10. */
    SCORE_ERROR_BAD_US = 100000
};

/* What a probe adds, and the highest score after it. */
struct score_step {
    int32_t step_milli;
    int32_t cap_milli;
};

/* `error_us` (ntp_sample_error_us) and `stratum` are used only for NONE and OFFSET, where time was
 * received. */
struct score_step score_step_of(enum failure failure, uint64_t error_us, uint8_t stratum,
                                bool cookies_short);
/* The warnings for time that is no failure, but keeps the score low: bits, enum warning. */
uint16_t score_warnings(uint64_t error_us, uint8_t stratum);
int32_t score_next(int32_t score_milli, struct score_step step);

#endif
