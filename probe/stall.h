/* Failures that may be our own fault, because the process was held up: by load, by a stop, by a
 * machine that slept.
 *
 * Answers that came meanwhile wait in the kernel, so whoever has timed out looks once more
 * (stall_look_again). Two things can't be made up for: a server that found us too slow has hung up,
 * and of a long hold-up nobody knows what else it broke. Such failures are no verdict
 * (stall_may_explain).
 *
 * Hold-ups are seen by who looks every LIMIT_TICK_MS: then its last look was long ago. All but
 * stall_now and stall_look_again is pure. */
#ifndef PROBE_STALL_H
#define PROBE_STALL_H

#include <stdbool.h>

#include <uv.h>

#include "zone/verdicts/failure.h"

enum {
    STALL_SHORT_MS = 400, /* servers are known that wait for their clients for a second in all */
    STALL_LONG_MS = 5000
};

#define STALL_WORDS "our own process was held up, so this says nothing of the server"

/* All zero to begin with. Milliseconds of stall_now. */
struct stall {
    uint64_t looked_at; /* 0: never */
    uint64_t short_at,
        long_at; /* the ends of the last hold-ups of at least these lengths; 0: none */
};

/* Goes on while the machine sleeps, and is not led by tests. */
uint64_t stall_now(void);
void stall_tick(struct stall *stall, uint64_t now);
/* The failure of something that began at `since` may be ours. Nothing is if `patience` is NULL. */
bool stall_may_explain(const struct stall *stall, enum failure failure, uint64_t since,
                       uint64_t now);
/* The longest kind of hold-up that was over after `since`: STALL_LONG_MS, STALL_SHORT_MS, 0. */
unsigned stall_length(const struct stall *stall, uint64_t since);

/* For the end of a time limit: true if the sockets have to be looked at first; then `timer` ends
 * once more, after that. `*again` says whether this was done; whoever sets the limit anew clears
 * it. */
bool stall_look_again(bool *again, uv_timer_t *timer, uv_timer_cb ended);

#endif
