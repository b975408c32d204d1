/* Durations as operators write them. */
#ifndef ZONE_DURATION_H
#define ZONE_DURATION_H

#include <stdint.h>

#include "zone/base/result.h"

/* "90", "90s", "15m", "2h", "7d", "2w" to seconds. */
enum result duration_parse(uint32_t *out_s, const char *text);
/* The shortest such text; `out` has 16 octets. */
char *duration_text(uint32_t s, char *out);

#endif
