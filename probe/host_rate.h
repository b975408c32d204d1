/* Limits the probes to one address and to one network (/24, /48), so members with names of their
 * own can't turn the probe on somebody else.
 *
 * Token buckets in tables of fixed size, found by a keyed hash. Hosts with the same hash share a
 * bucket. Pure but for the random key. */
#ifndef PROBE_HOST_RATE_H
#define PROBE_HOST_RATE_H

#include "zone/base/address.h"

enum {
    HOST_RATE_BUCKETS = 8192,   /* of each kind */
    HOST_RATE_ADDRESS_RATE = 2, /* probes a second */
    HOST_RATE_NETWORK_RATE = 16,
    HOST_RATE_BURST = 2 /* seconds of the rate that may come at once */
};

struct host_rate;

/* With a random key. */
struct host_rate *host_rate_new(void);
/* NULL is fine. */
void host_rate_free(struct host_rate *host_rate);
/* Takes a token for a probe of the address. False: the probe has to wait. */
bool host_rate_take(struct host_rate *host_rate, const struct address *address, uint64_t now_ms);

#endif
