/* When an address is probed next: jittered, so that probes of members that came at once drift apart. Pure. */
#ifndef PROBE_SCHEDULE_H
#define PROBE_SCHEDULE_H

#include <stdint.h>

/* Nine to eleven tenths of the interval, times `backoff`, from now. */
static inline uint64_t schedule_next(uint64_t now_ms, uint32_t interval_ms, unsigned backoff,
                                     uint32_t random)
{
    uint64_t base = (uint64_t)interval_ms * backoff;
    return now_ms + base * 9 / 10 + (base / 5 * random >> 32);
}

/* After a start of the program: somewhere in the first interval, at once for an address that was never probed. */
static inline uint64_t schedule_first(uint64_t now_ms, uint32_t interval_ms, uint32_t probes,
                                      uint32_t random)
{
    return probes == 0 ? now_ms : now_ms + ((uint64_t)interval_ms * random >> 32);
}

#endif
