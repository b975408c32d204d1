/* Where a client is: a .mmdb file looked up by address (the only file that knows maxminddb.h). Both layouts: nested
 * (`country.iso_code`, MaxMind) and flat (`country_code`, others). An open geo is immutable and may be shared by threads; it is
 * a copy in memory, so the file may be replaced or overwritten meanwhile. */
#ifndef ZONE_GEO_H
#define ZONE_GEO_H

#include "zone/address.h"

struct geo;

/* SYSTEM, or INVALID for what is no sound location file, is over 1 GiB, or has no countries. */
enum result geo_open(struct geo **out, const char *path, struct diag *diag);
void geo_close(struct geo *geo);

struct geo_place {
    char country[3]; /* upper case, empty if unknown */
    uint8_t
        prefix; /* length of the file's prefix that holds the address: 0-32 for IPv4, 0-128 for IPv6; the scope */
};
/* Never fails: an address that the file does not know has an empty country. `geo` NULL knows nothing (prefix 0). */
struct geo_place geo_find(const struct geo *geo, const struct address *address);

#endif
