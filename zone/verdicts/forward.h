/* Forwarding: which reports of a vantage point's journal the other machines of a fleet need, and
 * which of those that were sent they need no longer. A probe writes the verdicts on all its members
 * anew each interval, but few of them can change an answer.
 *
 * A report goes whole, as it was signed. It must be sent if
 * - a verdict in it has another outline than the one that was sent last (zone/verdicts/outline.h),
 *   or the one that was sent is FORWARD_REFRESH_S old;
 * - the vantage point's state has changed, or half an interval has passed since it was sent;
 * - there is an event in it.
 *
 * A sent report is needed while no later one has the verdicts that it has. So who reads those that
 * are needed, in order of number, gets all that the vantage point knows. A member is forgotten when
 * a file of the journal, which begins with all that is known, begins without it.
 *
 * All times are those of the reports. Memory is bounded: members above FORWARD_MEMBERS_MAX are not
 * forwarded; above FORWARD_REPORTS_MAX or FORWARD_OCTETS_MAX, the oldest report counts as no longer
 * needed. */
#ifndef ZONE_FORWARD_H
#define ZONE_FORWARD_H

#include "zone/verdicts/report.h"

enum {
    FORWARD_REFRESH_S = 900,
    FORWARD_MEMBERS_MAX = 1 << 18,
    FORWARD_REPORTS_MAX = 1 << 14, /* sent and needed */
    FORWARD_OCTETS_MAX = 64 << 20  /* of these together */
};

struct forward;

struct forward *forward_new(void);
/* NULL is fine. */
void forward_free(struct forward *forward);
/* Judges the next report of the journal; `first`: it begins a file. True if it must be sent:
 * forward_sent follows. Reports up to the last one sent never must. */
bool forward_wants(struct forward *forward, const struct report *report, bool first);
/* Enters a report that is sent. After a restart: first those that were sent before, in order of
 * number, and then all of the journal by forward_wants. */
void forward_sent(struct forward *forward, const struct report *report);
/* Takes out a report that is no longer needed. False if there is none. */
bool forward_take_done(struct forward *forward, uint64_t *number);
/* The number of the last report sent; 0: none yet. */
uint64_t forward_last(const struct forward *forward);

#endif
