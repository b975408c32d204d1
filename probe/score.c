#include "probe/score.h"

static struct score_step step_of(int32_t step_milli)
{
    return (struct score_step){ step_milli, SCORE_MAX_MILLI };
}

/* Linear interpolation, from microseconds to thousandths. */
static int32_t between(uint64_t at, int64_t from_us, int64_t to_us, int64_t from, int64_t to)
{
    return (int32_t)(from + (to - from) * ((int64_t)at - from_us) / (to_us - from_us));
}

static struct score_step step_of_error(uint64_t error_us)
{
    if (error_us <= 25000) {
        return step_of(1000);
    }
    if (error_us <= SCORE_ERROR_BAD_US) {
        return step_of(between(error_us, 25000, SCORE_ERROR_BAD_US, 1000, 500));
    }
    if (error_us <= 750000) {
        return step_of(between(error_us, SCORE_ERROR_BAD_US, 750000, 500, -1000));
    }
    if (error_us <= 3000000) {
        return step_of(-2000);
    }
    return (struct score_step){ -4000, -20000 };
}

struct score_step score_step_of(enum failure failure, uint64_t error_us, uint8_t stratum,
                                bool cookies_short)
{
    struct score_step step;
    switch (failure) {
    case FAILURE_NONE:
    case FAILURE_OFFSET:
        step = stratum >= SCORE_STRATUM_BAD ? step_of(-4000) : step_of_error(error_us);
        step.step_milli -= cookies_short ? 1000 : 0;
        return step;
    case FAILURE_UNSYNCHRONISED:
    case FAILURE_STRATUM:
    case FAILURE_ROOT_DISTANCE:
    case FAILURE_TRANSMIT:
        return step_of(-4000);
    case FAILURE_NTP_RATE:
        return step_of(-3500);
    case FAILURE_NTP_DENY:
    case FAILURE_NTP_ORIGIN:
    case FAILURE_NTP_UID:
    case FAILURE_NTP_AUTH:
    case FAILURE_NTP_FORGED_COOKIE:
        return (struct score_step){ -10000, -50000 };
    default:
        return step_of(-5000);
    }
}

uint16_t score_warnings(uint64_t error_us, uint8_t stratum)
{
    unsigned warnings = stratum >= SCORE_STRATUM_BAD ? WARNING_STRATUM : 0;
    warnings |= error_us > SCORE_ERROR_BAD_US ? WARNING_OFFSET : 0;
    return (uint16_t)warnings;
}

int32_t score_next(int32_t score_milli, struct score_step step)
{
    int32_t next = score_milli * 19 / 20 + step.step_milli;
    int32_t cap = step.cap_milli < SCORE_MAX_MILLI ? step.cap_milli : SCORE_MAX_MILLI;
    next = next > cap ? cap : next;
    return next < SCORE_MIN_MILLI ? SCORE_MIN_MILLI : next;
}
