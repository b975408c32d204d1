/* The SRV RRset of a deck's set. */
#ifndef ZONE_DECK_SRV_H
#define ZONE_DECK_SRV_H

#include "zone/steering/candidates.h"
#include "zone/steering/deck.h"

enum {
    DECK_SRV_SCRATCH = DECK_SET_MAX * (2 + 6 + DNAME_MAX)
};

/* Built in `scratch`: priority 0, weight equal (1) or, by `weights`, the member's (1 to 65535; all
 * of the set scaled down if one is over), its port and name; two members of one target and port
 * make one record. In canonical order as every RRset: for the clients that take the first record
 * only, whoever writes it out starts at a record of its own choice. A NULL set gives the one record
 * `0 0 0 .`, "decidedly not available" (RFC 2782), so that the name has its RRset, and the NSEC
 * chain its shape, also while nobody is eligible. */
void deck_srv(const struct deck_set *set, const struct candidates *candidates, bool weights,
              uint32_t ttl, uint8_t scratch[DECK_SRV_SCRATCH], struct rrset *out);

#endif
