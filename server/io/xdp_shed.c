#include "server/io/xdp_shed.h"

#include "server/io/xdp_filter.h"

enum {
    FIRST = 100000,       /* 10,000 queries a second of a network */
    RISE_EVERY = 5000000, /* longer than the ring takes to drain */
    FALL_EVERY = 100000000
};

bool xdp_shed_step(struct xdp_shed *shed, bool full, uint64_t now_ns)
{
    uint64_t before = shed->interval;
    if (full) {
        shed->fall = now_ns + FALL_EVERY;
        if (now_ns >= shed->rise) {
            shed->rise = now_ns + RISE_EVERY;
            shed->interval = before == 0                     ? FIRST
                             : before < XDP_INTERVAL_MAX / 2 ? before * 2
                                                             : XDP_INTERVAL_MAX;
        }
    } else if (before > 0 && now_ns >= shed->fall) {
        shed->fall = now_ns + FALL_EVERY;
        shed->interval = before <= FIRST ? 0 : before - before / 8;
    }
    return shed->interval != before;
}
