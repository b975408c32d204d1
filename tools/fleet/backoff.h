/* When to try again: later after each failure, and at a random moment, so that machines that failed
 * together do not come back together. Starts as { 0 }. */
#ifndef TOOLS_BACKOFF_H
#define TOOLS_BACKOFF_H

#include <stdbool.h>

#include <sodium.h>

#include "zone/base/u64.h"

enum {
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MAX_MS = 8000 /* all machines are back within half a minute */
};

struct backoff {
    unsigned failures; /* in a row */
    uint64_t again_at; /* milliseconds of the steady clock */
};

static inline void backoff_fail(struct backoff *backoff, uint64_t now_ms)
{
    unsigned doublings = backoff->failures < 5 ? backoff->failures : 5;
    uint64_t pause = u64_min((uint64_t)BACKOFF_FIRST_MS << doublings, BACKOFF_MAX_MS);
    backoff->failures++;
    backoff->again_at = now_ms + pause / 2 + randombytes_uniform((uint32_t)(pause / 2 + 1));
}

static inline void backoff_over(struct backoff *backoff)
{
    *backoff = (struct backoff){ 0 };
}

/* How long it is until then; 0: now. */
static inline unsigned backoff_wait(const struct backoff *backoff, uint64_t now_ms)
{
    return backoff->again_at > now_ms ? (unsigned)(backoff->again_at - now_ms) : 0;
}

#endif
