#include "zone/base/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at `p` (Unicode table 3-7) and its code point, or 0. */
static size_t utf8_take(const unsigned char *p, uint32_t *point)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (len == 4 && (p[0] & 0xf8) != 0xf0) {
        return 0;
    }
    uint32_t value = len == 1 ? p[0] : p[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (p[i] & 0x3fU);
    }
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < least[len] || value > 0x10ffff || surrogate) {
        return 0;
    }
    *point = value;
    return len;
}

static bool is_printable(uint32_t point)
{
    bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
    bool mark = point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
                (point >= 0x2066 && point <= 0x2069) || point == 0x61c || point == 0xfeff;
    /* takes no room: two names look the same; ZWNJ and ZWJ are letters' own (Unicode 23.2) */
    bool unseen = point == 0xad || point == 0x200b || (point >= 0x2060 && point <= 0x2064);
    /* no text may hold these (Unicode 23.7), and XML has no character of them */
    bool none = (point & 0xfffe) == 0xfffe || (point >= 0xfdd0 && point <= 0xfdef);
    return !control && !mark && !unseen && !none;
}

char *printable_escape(char *out, size_t room, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t at = 0;
    while (*p != 0) {
        uint32_t point = 0;
        size_t len = utf8_take(p, &point);
        if (len > 0 && is_printable(point)) {
            if (at + len >= room) {
                break;
            }
            memcpy(out + at, p, len);
            at += len;
            p += len;
            continue;
        }
        if (at + 4 >= room) {
            break;
        }
        (void)snprintf(out + at, room - at, "\\x%02x", *p++);
        at += 4;
    }
    out[at] = 0;
    return out;
}
