/* A token bucket for signatures that any client can cause, those of names that do not exist. The
 * burst is a tenth of a second's worth, which bounds how long other queries wait behind them.
 * Without a token the server answers in a way that needs no new signature.
 *
 * Used by one thread, which sets the time once for many takes. */
#ifndef DNSSEC_BUDGET_H
#define DNSSEC_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BUDGET_RATE_MAX = 1000000
};

/* Start from `{ 0 }`: no limit. */
struct budget {
    uint32_t rate;    /* signatures a second, at most BUDGET_RATE_MAX; 0: no limit */
    uint64_t now_us;  /* of any clock; microseconds */
    uint64_t used_us; /* until when the tokens taken have used up the rate */
};

/* Sets rate and time for the next takes. If the clock went back the bucket is full. */
void budget_update(struct budget *budget, uint32_t rate, uint64_t now_us);
/* Takes a token. False if there is none. */
bool budget_take(struct budget *budget);

#endif
