/* What a member may be called. */
#ifndef ZONE_LABEL_H
#define ZONE_LABEL_H

#include <stdbool.h>

#include "zone/base/result.h"

enum {
    LABEL_MAX = 63,
    LABEL_ROOM = 64
};

/* Lower-cases `text` into `out` (LABEL_ROOM octets) and checks that it may be a member's label:
 * letters, digits and hyphens, no hyphen at either end (RFC 1123 2.1) nor at places 3 and 4 (RFC
 * 5891 4.2.3.1), 1 to 63 octets, not all digits, and not a name that region names use (two-letter
 * country codes, continents). Labels that the zone's own records use are checked by the registry.
 * INVALID, with what to do in the diag. */
enum result label_check(char *out, const char *text, struct diag *diag);

#endif
