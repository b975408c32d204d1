/* When an address is probed next: with jitter, so that probes of members that were added together
 * drift apart, and seldom where they are of no use. Pure. Random numbers are uniform over 32
 * bits. */
#ifndef PROBE_SCHEDULE_H
#define PROBE_SCHEDULE_H

#include <stdint.h>

enum {
    /* of the time that an address has been dead: after a day it is probed each hour, after a month
     * each day */
    SCHEDULE_DEAD_SHARE = 24,
    SCHEDULE_PAUSE_MAX_S = 86400, /* never less than once a day */
    SCHEDULE_JITTER_SHARE = 5,    /* of the pause, by which a probe may come later */
    SCHEDULE_GAP_MAX_S = 180
};

/* The pause before the next probe. `backoff` is a factor, 1 unless the server asked for fewer
 * requests (kiss code RATE). All probes have failed for `dead_s`; 0: the last one was good. */
uint64_t schedule_pause_ms(uint32_t interval_ms, unsigned backoff, uint64_t dead_s);
/* `now_ms` and the pause, plus up to a fifth of it as jitter, at most a day in all. The pause is
 * never shortened, since servers may limit requests by it. */
uint64_t schedule_next(uint64_t now_ms, uint64_t pause_ms, uint32_t random);
/* After a start of the program: somewhere in the first interval. At once for an address that was
 * never probed. */
uint64_t schedule_first(uint64_t now_ms, uint32_t interval_ms, uint32_t probes, uint32_t random);
/* How long a key establishment is used: from three quarters of LIMIT_KE_LIFE_S to all of it, so
 * that those made together do not end together. */
uint32_t schedule_ke_life_s(uint32_t random);
/* The least time between a key establishment and that of the daily checks: three intervals, at most
 * SCHEDULE_GAP_MAX_S. */
uint32_t schedule_ke_gap_s(uint32_t interval_ms);

#endif
