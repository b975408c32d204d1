/* Failures that may be our own fault, because the process was held up: by load, by a stop, by a machine that slept.
 *
 * Answers that came meanwhile wait in the kernel, so whoever has timed out looks once more (patience_again). Two things can't be made up
 * for: a server that found us too slow has hung up, and of a long hold-up nobody knows what else it broke. Such failures are no verdict
 * (patience_tried).
 *
 * Hold-ups are seen by who looks every LIMIT_TICK_MS: then its last look was long ago. All but patience_now and patience_again is
 * pure. */
#ifndef PROBE_PATIENCE_H
#define PROBE_PATIENCE_H

#include <stdbool.h>

#include <uv.h>

#include "zone/verdicts/failure.h"

enum {
    PATIENCE_SHORT_MS = 400, /* servers are known that wait for their clients for a second in all */
    PATIENCE_LONG_MS = 5000
};

#define PATIENCE_WORDS "our own process was held up, so this says nothing of the server"

/* All zero to begin with. Milliseconds of patience_now. */
struct patience {
    uint64_t looked_at; /* 0: never */
    uint64_t short_at,
        long_at; /* the ends of the last hold-ups of at least these lengths; 0: none */
};

/* Goes on while the machine sleeps, and is not led by tests. */
uint64_t patience_now(void);
void patience_look(struct patience *patience, uint64_t now);
/* The failure of something that began at `since` may be ours. Nothing is if `patience` is NULL. */
bool patience_tried(const struct patience *patience, enum failure failure, uint64_t since,
                    uint64_t now);
/* The longest kind of hold-up that was over after `since`: PATIENCE_LONG_MS, PATIENCE_SHORT_MS, 0. */
unsigned patience_held(const struct patience *patience, uint64_t since);

/* For the end of a time limit: true if the sockets have to be looked at first; then `timer` ends once more, after that. `*again` says
 * whether this was done; whoever sets the limit anew clears it. */
bool patience_again(bool *again, uv_timer_t *timer, uv_timer_cb ended);

#endif
