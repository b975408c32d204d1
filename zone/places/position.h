/* Positions on the globe. */
#ifndef ZONE_POSITION_H
#define ZONE_POSITION_H

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

#endif
