/* Times as text for people and files: ISO 8601 in UTC, "2026-11-30T02:17:51Z". */
#ifndef ZONE_ISOTIME_H
#define ZONE_ISOTIME_H

#include <stdint.h>

#include "zone/base/result.h"

enum {
    ISOTIME_ROOM = 32
};

/* Unix seconds to text; returns `out`. A time that the calendar does not reach is written as its
 * number. */
char *isotime_text(uint64_t at, char out[ISOTIME_ROOM]);
/* The same, but "-" for 0 and for times after the year 9999. */
char *isotime_or_dash(uint64_t at, char out[ISOTIME_ROOM]);
/* The whole text to Unix seconds. INVALID for anything else, and for times before 1970. */
enum result isotime_parse(const char *text, uint64_t *out);
/* Also takes a day, "2026-11-30", which is its first second. */
enum result isotime_parse_day(const char *text, uint64_t *out);

#endif
