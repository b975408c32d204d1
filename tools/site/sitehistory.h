/* The pool over time, as the server has counted it: read once for the page and its data. */
#ifndef TOOLS_SITEHISTORY_H
#define TOOLS_SITEHISTORY_H

#include "zone/overview/poolhistory.h"
#include "zone/steering/traffic.h"

enum {
    SITEHISTORY_DAYS = POOLHISTORY_DAYS, /* two years, today included */
    SITEHISTORY_HOURS = 14 * 24          /* of queries, by the hour */
};

struct sitehistory_day {
    bool counted, asked; /* members, and queries, are known */
    uint32_t members, eligible;
    uint32_t eligible_in[ADDRESS_FAMILIES]; /* addresses that are handed out */
    uint64_t queries, answers;
};

/* Large. */
struct sitehistory {
    uint64_t now, first;                           /* `first`: the day since 1970 of days[0] */
    struct sitehistory_day days[SITEHISTORY_DAYS]; /* of a day its last count */
    struct traffic_hour hours[SITEHISTORY_HOURS];  /* oldest first; whole hours only */
    size_t hour_count;
};

/* The stores are open for this call only. */
enum result sitehistory_read(struct sitehistory *out, const char *state_dir, uint64_t now,
                             struct diag *diag);

#endif
