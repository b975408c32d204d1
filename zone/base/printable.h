/* Texts from the store or the network, made harmless for terminals and logs. */
#ifndef ZONE_PRINTABLE_H
#define ZONE_PRINTABLE_H

#include <stddef.h>

/* Copies `text` and writes every octet that is not printable UTF-8 as \xHH: control characters,
 * direction marks, characters without width, noncharacters, invalid UTF-8. Truncates to `room`,
 * between characters. Returns `out`. */
char *printable_escape(char *out, size_t room, const char *text);

#endif
