/* Regions have a name of their own, `_ntske._tcp.<label>.<pool>`: countries by their two letters,
 * continents by the names of the NTP pool. They are numbered, to index tables. Pure. */
#ifndef ZONE_REGION_H
#define ZONE_REGION_H

#include <stddef.h>
#include <stdint.h>

enum {
    REGION_NONE = 0,
    REGION_COUNTRIES = 26 * 26, /* numbers 1 to this one: all pairs of letters */
    REGION_CONTINENTS = 7,
    REGIONS = 1 + REGION_COUNTRIES + REGION_CONTINENTS,
    REGION_LABEL_ROOM = 16
};

/* Of "NL"; REGION_NONE if it is not a pair of upper-case letters. */
uint16_t region_of_country(const char *country);
/* The continent of the country; REGION_NONE if the country is not in ISO 3166. */
uint16_t region_around(const char *country);
/* Of "nl" or "europe": lower case, `len` octets. REGION_NONE for anything else. */
uint16_t region_of_label(const char *label, size_t len);
/* The label of a region (not REGION_NONE); returns `out`. */
char *region_label(uint16_t region, char out[REGION_LABEL_ROOM]);

#endif
