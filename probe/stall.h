/* Recognises failures that may be our own fault, because the process stalled: under load, while it
 * was stopped, or while the machine slept.
 *
 * The owner calls stall_tick every LIMIT_TICK_MS. A late tick means a stall. Replies that came
 * meanwhile wait in the kernel, and dialogs read them before they time out (probe/dialog.h). But a
 * server may have closed the connection, since we were too slow for it. And nobody knows what else
 * broke in a long stall. Such failures are no verdict on the server. All but stall_now is pure. */
#ifndef PROBE_STALL_H
#define PROBE_STALL_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/verdicts/failure.h"

enum {
    STALL_SHORT_MS = 400, /* some servers wait for their clients for one second in all */
    STALL_LONG_MS = 5000
};

#define STALL_TEXT "our own process was held up, so this says nothing of the server"

/* All zero to begin with. Times are those of stall_now. */
struct stall {
    uint64_t ticked_at; /* 0: never */
    /* the ends of the last stalls of at least STALL_SHORT_MS and STALL_LONG_MS; 0: none */
    uint64_t short_at, long_at;
};

/* Milliseconds; goes on while the machine sleeps, and is not led by tests. */
uint64_t stall_now(void);
void stall_tick(struct stall *stall, uint64_t now);
/* True if a failure may be ours, given that its step began at `since`. False if `stall` is NULL. */
bool stall_may_explain(const struct stall *stall, enum failure failure, uint64_t since,
                       uint64_t now);
/* The longest kind of stall that ended after `since`: STALL_LONG_MS, STALL_SHORT_MS, or 0. */
unsigned stall_length(const struct stall *stall, uint64_t since);

#endif
