#include "zone/base/escape.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t escape_read(const char *text, size_t len, uint8_t *octet)
{
    if (text[0] != '\\') {
        *octet = (uint8_t)text[0];
        return 1;
    }
    if (len < 2) {
        return 0;
    }
    if (!is_digit(text[1])) {
        *octet = (uint8_t)text[1];
        return 2;
    }
    if (len < 4 || !is_digit(text[2]) || !is_digit(text[3])) {
        return 0;
    }
    int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
    *octet = (uint8_t)value;
    return value > UINT8_MAX ? 0 : 4;
}

char *escape_decimal(char *out, uint8_t octet)
{
    return out + snprintf(out, ESCAPE_MAX + 1, "\\%03u", octet);
}

char *escape_write(char *out, uint8_t octet, const char *special)
{
    if (octet < ' ' || octet >= 0x7f) {
        return escape_decimal(out, octet);
    }
    if (strchr(special, octet) != NULL) {
        *out++ = '\\';
    }
    *out++ = (char)octet;
    return out;
}
