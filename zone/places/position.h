/* Positions on the globe and the distance between them. */
#ifndef ZONE_POSITION_H
#define ZONE_POSITION_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "zone/base/result.h"

enum {
    POSITION_TEXT_MAX = 24
};

/* Degrees, north and east positive: -90 to 90, -180 to 180. */
struct position {
    float latitude, longitude;
};

/* "LAT,LON" in decimal degrees, as in `52.3702,4.8952`; kept to four decimals, some ten metres.
 * INVALID for anything else. */
enum result position_parse(struct position *out, const char *text);
/* The other way; `out` has room for POSITION_TEXT_MAX; returns `out`. */
char *position_text(struct position position, char *out);
/* As a whole number of ten-thousandths of a degree, each in its range, and back. */
bool position_of_parts(struct position *out, int32_t latitude, int32_t longitude);
void position_parts(struct position position, int32_t *latitude, int32_t *longitude);

/* Great circle on a sphere of the Earth's mean radius, by the haversine formula, which also holds
 * for near points. */
static inline double position_km(struct position a, struct position b)
{
    const double radius_km = 6371.0, degree = 0.017453292519943295;
    double lat = sin(((double)b.latitude - (double)a.latitude) * degree / 2);
    double lon = sin(((double)b.longitude - (double)a.longitude) * degree / 2);
    double h =
        lat * lat + cos((double)a.latitude * degree) * cos((double)b.latitude * degree) * lon * lon;
    return 2 * radius_km * asin(sqrt(h < 1 ? h : 1));
}

#endif
