/* Where a member is. */
#ifndef ZONE_PLACE_H
#define ZONE_PLACE_H

#include "zone/places/locations.h"
#include "zone/registry/member.h"

struct place {
    char country[3]; /* --country, else that of its addresses; may be empty */
    enum place_source {
        PLACE_UNKNOWN,
        PLACE_POSITION, /* the operator gave --position */
        PLACE_ADDRESS,  /* the location file, by the member's first address that it knows */
        PLACE_COUNTRY   /* the middle of the country */
    } source;
    struct position position; /* unless unknown */
};

/* The operator's --position, else what the file says of the addresses (unless it contradicts
 * --country), else the country's. */
void place_of_member(struct place *out, const struct member *member,
                     const struct locations *locations);

#endif
