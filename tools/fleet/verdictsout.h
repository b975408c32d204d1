/* Verdicts of the vantage points of this machine, on their way to the others: reports of their
 * journals, as they are signed, under "v/MACHINE/VANTAGE/NUMBER", the number as 16 hex digits.
 * Which ones, says zone/verdicts/forward.h. What is still needed stays in the engine, for machines
 * that come later; so after a restart it says where to go on.
 *
 * A journal that grows faster than VERDICTS_OCTETS allow is held up, and then read from its next
 * file on: that begins with all verdicts. */
#ifndef TOOLS_VERDICTSOUT_H
#define TOOLS_VERDICTSOUT_H

#include "tools/fleet/feeder.h"
#include "zone/verdicts/journal.h"

enum {
    /* What a machine may send, and is taken of it, within VERDICTS_SPAN_S. */
    VERDICTS_OCTETS = 4 << 20,
    VERDICTS_MEMBER_OCTETS = 2048, /* ... and for each member */
    VERDICTS_SPAN_S = 900
};

/* An allowance that fills up again over VERDICTS_SPAN_S. Starts as { 0 }. */
struct verdicts_allowance {
    uint64_t left, at_ms;
    bool begun;
};
void verdicts_allow(struct verdicts_allowance *allowance, size_t members, uint64_t now_ms);

extern const struct feeder_channel verdictsout_channel;

#endif
