/* How many probes may go to one address and to one network (/24, /48), so that members that bring their own names can't turn the probe
 * on somebody. Token buckets in tables of fixed size, found by a keyed hash; two that meet in a bucket share it. Pure but for the
 * key. */
#ifndef PROBE_QUOTA_H
#define PROBE_QUOTA_H

#include "zone/base/address.h"

enum {
    QUOTA_BUCKETS = 8192,   /* of each kind */
    QUOTA_ADDRESS_RATE = 2, /* a second, and as many at once times QUOTA_BURST */
    QUOTA_NETWORK_RATE = 16,
    QUOTA_BURST = 2
};

struct quota;

/* A random key of its own. */
struct quota *quota_new(void);
/* NULL is fine. */
void quota_free(struct quota *quota);
/* Takes a token for a probe of the address now; false: it has to wait. */
bool quota_take(struct quota *quota, const struct address *address, uint64_t now_ms);

#endif
