/* Warnings of `status` about the DNSSEC keys. */
#ifndef TOOLS_KEYHEALTH_H
#define TOOLS_KEYHEALTH_H

#include <jansson.h>

#include "dnssec/offline/alarm.h"

/* Appends one text a warning to the JSON array. */
void keyhealth_warn(json_t *warnings, const struct key_timeline *timeline,
                    const struct slices *slices, uint64_t now);

#endif
