/* Response rate limiting: bounds the responses of one kind to a client network, so that the server
 * is no amplifier for forged source addresses.
 *
 * One table of fixed size for all workers, without locks: a race between two workers costs or gives
 * one response. A bucket that is evicted from a full line begins again, which errs on the side of
 * answering. */
#ifndef SERVER_RRL_H
#define SERVER_RRL_H

#include "zone/base/address.h"

enum {
    RRL_LINES = 16384, /* of 8 buckets each */
    RRL_NAME_GROUPS = 16,
    RRL_RATE_MAX = 100000,
    /* Kinds of responses. */
    RRL_ERROR = 0, /* errors */
    RRL_NEGATIVE,  /* NXDOMAIN and NODATA */
    /* From here on positive answers, by RRL_NAME_GROUPS groups of names: queries for many names
     * don't get around the limit. */
    RRL_POSITIVE,
    RRL_TCP = RRL_POSITIVE + RRL_NAME_GROUPS /* added to a kind for TCP */
};

struct rrl;

struct rrl *rrl_new(void);
void rrl_free(struct rrl *rrl);

/* True if a response of `kind` to the network of `source` (/24, /56) is within `rate` a second,
 * with bursts of up to a second's worth. `now_us`: a monotonic clock in microseconds. */
bool rrl_take(struct rrl *rrl, const struct address *source, unsigned kind, uint32_t rate,
              uint64_t now_us);

#endif
