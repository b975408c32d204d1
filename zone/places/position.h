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

/* Reads "LAT,LON" in decimal degrees, as in `52.3702,4.8952`, rounded to four decimals, about ten
 * metres. INVALID for anything else. */
enum result position_parse(struct position *out, const char *text);
/* Writes the same form; `out` has room for POSITION_TEXT_MAX. Returns `out`. */
char *position_text(struct position position, char *out);
/* From and to whole ten-thousandths of a degree. False if one is out of range. */
bool position_of_parts(struct position *out, int32_t latitude, int32_t longitude);
void position_parts(struct position position, int32_t *latitude, int32_t *longitude);

#endif
