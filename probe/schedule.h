/* When an address is probed next: jittered, so that probes of members that came at once drift
 * apart, and seldom where it is of no use. Pure; all random numbers are even over 32 bits. */
#ifndef PROBE_SCHEDULE_H
#define PROBE_SCHEDULE_H

#include <stdint.h>

enum {
    /* what has been dead for a day is probed each hour, for a month each day */
    SCHEDULE_DEAD_SHARE = 24,
    SCHEDULE_PAUSE_MAX_S = 86400, /* never less than once a day */
    SCHEDULE_JITTER_SHARE = 5,    /* of the pause, which a probe may come later */
    SCHEDULE_GAP_MAX_S = 180
};

/* The pause before the next probe. `backoff` is for who asked for less (KoD RATE), 1: nobody;
 * `dead_s` says for how long all probes have failed, 0: the last one was good. */
uint64_t schedule_pause_ms(uint32_t interval_ms, unsigned backoff, uint64_t dead_s);
/* The pause from now, and up to a fifth more, but never more than a day away: who limits requests
 * by the interval is never asked more often. */
uint64_t schedule_next(uint64_t now_ms, uint64_t pause_ms, uint32_t random);
/* After a start of the program: somewhere in the first interval, at once for an address that was
 * never probed. */
uint64_t schedule_first(uint64_t now_ms, uint32_t interval_ms, uint32_t probes, uint32_t random);
/* How long a key establishment serves: three quarters of LIMIT_KE_LIFE_S and more, so that those
 * made together don't end together. */
uint32_t schedule_ke_life_s(uint32_t random);
/* Between two key establishments with a server, of which one is to find something out: some
 * intervals, at most SCHEDULE_GAP_MAX_S. */
uint32_t schedule_ke_gap_s(uint32_t interval_ms);

#endif
