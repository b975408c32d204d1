/* The columns REACH and LAST of `member list`, as users of chronyc read them. */
#ifndef TOOLS_MEMBERREACH_H
#define TOOLS_MEMBERREACH_H

#include "zone/overview/memberview.h"

enum {
    MEMBERREACH_ROOM = 32
};

/* How long ago the best address was probed last, as in "34s", "21m", "5h" or "3d"; "" if never. */
char *memberreach_last(const struct memberview *view, uint64_t now, char out[MEMBERREACH_ROOM]);
/* The outcomes of the last probes of the best address, from all vantage points, as octal digits; ""
 * if there was none. */
enum result memberreach_octal(const struct memberview *view, const struct memberview_source *source,
                              struct store_txn *history, uint64_t now, char out[MEMBERREACH_ROOM]);

#endif
