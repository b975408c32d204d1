/* How many probes may go to one address and to one network (/24, /48), so that members that bring
 * their own names can't turn the probe on somebody. Token buckets in tables of fixed size, found by
 * a keyed hash; two that meet in a bucket share it. Pure but for the key. */
#ifndef PROBE_HOST_RATE_H
#define PROBE_HOST_RATE_H

#include "zone/base/address.h"

enum {
    HOST_RATE_BUCKETS = 8192,   /* of each kind */
    HOST_RATE_ADDRESS_RATE = 2, /* a second, and as many at once times HOST_RATE_BURST */
    HOST_RATE_NETWORK_RATE = 16,
    HOST_RATE_BURST = 2
};

struct host_rate;

/* A random key of its own. */
struct host_rate *host_rate_new(void);
/* NULL is fine. */
void host_rate_free(struct host_rate *host_rate);
/* Takes a token for a probe of the address now; false: it has to wait. */
bool host_rate_take(struct host_rate *host_rate, const struct address *address, uint64_t now_ms);

#endif
