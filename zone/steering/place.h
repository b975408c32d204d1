/* The location of a member. */
#ifndef ZONE_PLACE_H
#define ZONE_PLACE_H

#include "zone/places/locations.h"
#include "zone/registry/member.h"

struct place {
    char country[3]; /* from --country, else of the member's addresses; may be empty */
    enum place_source {
        PLACE_UNKNOWN,
        PLACE_POSITION, /* --position */
        PLACE_ADDRESS,  /* the location file, by the first address that it knows */
        PLACE_COUNTRY   /* the centre of the country */
    } source;
    struct position position; /* valid unless PLACE_UNKNOWN */
};

/* In order of preference: the operator's --position; the location file's entry for an address,
 * unless it contradicts --country; the centre of the country. */
void place_of_member(struct place *out, const struct member *member,
                     const struct locations *locations);

#endif
