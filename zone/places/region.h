/* Regions that have a name of their own, `_ntske._tcp.<label>.<pool>`: countries by their two
 * letters, continents as the NTP pool calls them. Numbered, so that tables can be indexed by them.
 * Pure. */
#ifndef ZONE_REGION_H
#define ZONE_REGION_H

#include <stddef.h>
#include <stdint.h>

enum {
    REGION_NONE = 0,
    REGION_COUNTRIES = 26 * 26, /* 1 to this: every pair of letters */
    REGION_CONTINENTS = 7,
    REGIONS = 1 + REGION_COUNTRIES + REGION_CONTINENTS,
    REGION_LABEL_ROOM = 16
};

/* "NL"; REGION_NONE for what is no pair of upper case letters. */
uint16_t region_of_country(const char *country);
/* The continent that the country lies in; REGION_NONE if it is none of ISO 3166's. */
uint16_t region_around(const char *country);
/* "nl", "europe"; lower case, `len` octets. REGION_NONE for any other. */
uint16_t region_of_label(const char *label, size_t len);
/* The label of a region (not REGION_NONE); returns `out`. */
char *region_label(uint16_t region, char out[REGION_LABEL_ROOM]);

#endif
