/* The cells that addresses are located in (zone/places/locations.h). */
#ifndef ZONE_CELL_H
#define ZONE_CELL_H

#include "zone/places/position.h"

enum {
    LOCATIONS_CELLS_MAX = 65000,
    LOCATIONS_WORLD = 0 /* the cell of addresses without a known country */
};

struct cell {
    char country[3];          /* ISO 3166 alpha-2, upper case; empty: the world */
    char subdivision[4];      /* ISO 3166-2 after the hyphen, upper case, or empty */
    char continent[3];        /* AF AN AS EU NA OC SA, or empty */
    bool placed;              /* `position` is known */
    struct position position; /* mean of its addresses, else that of the country */
    uint64_t addresses;       /* number of IPv4 addresses; without any, of IPv6 /48s */
};

#endif
