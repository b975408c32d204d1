/* The escapes of presentation format, \X and \DDD (RFC 1035 5.1). */
#ifndef ZONE_ESCAPE_H
#define ZONE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ESCAPE_MAX = 4 /* characters for one octet */
};

/* Reads one octet, escaped or not, at `text` (`len` > 0). Returns how many characters it took, 0 if
 * the escape is malformed or over 255. */
size_t escape_read(const char *text, size_t len, uint8_t *octet);
/* Writes the octet at `out`, escaped if it is one of `special` or not printable ASCII. Returns the
 * end of what it wrote. */
char *escape_write(char *out, uint8_t octet, const char *special);
/* The same, always as \DDD. */
char *escape_decimal(char *out, uint8_t octet);

#endif
