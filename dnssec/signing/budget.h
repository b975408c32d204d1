/* A token bucket for signatures that anybody can make us make, those of names that don't exist: so
 * many a second, of which a tenth of a second's worth may come at once: what waits behind them
 * waits no longer than these take. What there is no token for is answered in a way that needs no
 * new signature.
 *
 * One thread takes; it tells the time, once for many takes. */
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
    uint64_t now_us;  /* any clock of microseconds */
    uint64_t used_us; /* the time until which what was taken has used up the rate */
};

/* The rate and the time, for the takes to come. A clock that went back makes the bucket full. */
void budget_update(struct budget *budget, uint32_t rate, uint64_t now_us);
/* False: there is no token. */
bool budget_take(struct budget *budget);

#endif
