/* The SRV RRset (RFC 2782) of a set of a deck. */
#ifndef ZONE_DECK_SRV_H
#define ZONE_DECK_SRV_H

#include "zone/steering/candidates.h"
#include "zone/steering/deck.h"

enum {
    DECK_SRV_SCRATCH = DECK_SET_MAX * (2 + 6 + DNAME_MAX)
};

/* Builds the RRset in `scratch`: priority 0; weight 1 or, with `weights`, the member's (1 to 65535;
 * if one is larger, all of the set are scaled down); port and name of the member. Members with
 * equal target and port make one record. Records are in canonical order as in every RRset. Some
 * clients take the first record only, so the writer of the message starts at a record of its
 * choice. A NULL set gives the one record `0 0 0 .`, "decidedly not available" (RFC 2782): the name
 * keeps its RRset, and the NSEC chain its shape, while no member is eligible. */
void deck_srv(const struct deck_set *set, const struct candidates *candidates, bool weights,
              uint32_t ttl, uint8_t scratch[DECK_SRV_SCRATCH], struct rrset *out);

#endif
