/* Response rate limiting: how many answers of one kind a client network gets a second, so that a
 * forged source address is not flooded through us.
 *
 * One table for all workers, of fixed size, without locks: a race between two workers costs or
 * gives one answer. A bucket that is pushed out of a full line starts anew, which errs on the side
 * of answering. */
#ifndef SERVER_RRL_H
#define SERVER_RRL_H

#include "zone/base/address.h"

enum {
    RRL_LINES = 16384, /* of 8 buckets each */
    RRL_NAME_GROUPS = 16,
    RRL_RATE_MAX = 100000,
    RRL_ERROR = 0, /* kinds: what is refused or malformed, */
    RRL_NEGATIVE,  /* NXDOMAIN and NODATA of the zone, */
    /* and, to RRL_POSITIVE + RRL_NAME_GROUPS - 1, answers by groups of names: to ask for many names
     * does not help */
    RRL_POSITIVE,
    RRL_TCP = RRL_POSITIVE + RRL_NAME_GROUPS /* added to a kind, for what is asked over TCP */
};

struct rrl;

struct rrl *rrl_new(void);
void rrl_free(struct rrl *rrl);

/* True if an answer of `kind` to the network of `source` (/24, /56) is within `rate` a second,
 * which may come as one burst of a second's worth. `now_us` is any clock of microseconds that does
 * not go back. */
bool rrl_take(struct rrl *rrl, const struct address *source, unsigned kind, uint32_t rate,
              uint64_t now_us);

#endif
