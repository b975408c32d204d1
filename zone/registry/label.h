/* Labels of members. */
#ifndef ZONE_LABEL_H
#define ZONE_LABEL_H

#include <stdbool.h>

#include "zone/base/result.h"

enum {
    LABEL_MAX = 63,
    LABEL_ROOM = 64
};

/* Writes `text` in lower case to `out` (LABEL_ROOM octets) and checks that it can be a member's
 * label: letters, digits and hyphens, no hyphen at either end (RFC 1123 2.1) or at places 3 and 4
 * (RFC 5891 4.2.3.1), 1 to 63 octets, not all digits, and not a region's (two-letter country codes,
 * continents). The registry checks that no record of the zone has the label. INVALID with a diag.
 */
enum result label_check(char *out, const char *text, struct diag *diag);

#endif
