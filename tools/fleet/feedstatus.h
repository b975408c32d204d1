/* Notes how the feed does, for `status`, warnings and metrics (zone/fleet/feedstate.h), and logs
 * when that changes. */
#ifndef TOOLS_FEEDSTATUS_H
#define TOOLS_FEEDSTATUS_H

#include "tools/fleet/feeder.h"
#include "tools/fleet/follow.h"
#include "zone/fleet/feedstate.h"

enum {
    FEEDSTATUS_BEHIND_MS = 10000, /* changes that are taken sooner are no trouble */
    FEEDSTATUS_MOVED_MS = 5000    /* between two notes of a position that moves */
};

/* Starts as { .feeder }. */
struct feedstatus {
    struct feeder *feeder;
    struct feedstate noted;
    uint64_t noted_ms; /* 0: not yet */
    struct log_once told, trouble;
};

/* What the facts come to, at that time of the steady clock. */
enum feedstate_trouble feedstatus_of(const struct follow_facts *facts, uint64_t now_ms);
/* To be called in each turn. */
void feedstatus_turn(struct feedstatus *status, const struct follow_facts *facts);

#endif
