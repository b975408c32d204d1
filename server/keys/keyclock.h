/* Whether the clock can be trusted with steps of keys. Waiting is always safe. */
#ifndef SERVER_KEYCLOCK_H
#define SERVER_KEYCLOCK_H

#include "zone/base/log.h"

enum {
    KEYCLOCK_SLACK_S = 300, /* a clock that jumps further was set */
    KEYCLOCK_TRUST_S = 3600 /* and is trusted again after so long */
};

/* Start from `{ .log = ... }`. */
struct keyclock {
    log_sink *log;
    uint64_t now, steady;   /* of the last look */
    uint64_t trusted_again; /* steady time from which a clock that was set is trusted */
    bool behind;            /* what the store has seen */
    struct log_limit jump_limit, behind_limit;
};

/* False while the clock is not trusted: it was set, or is behind `seen_at`, the time that the store
 * has seen. `steady` is the time of a clock that nobody sets. */
bool keyclock_trusts(struct keyclock *clock, uint64_t seen_at, uint64_t now, uint64_t steady);

#endif
