#include "zone/names/hostname.h"

#include <string.h>
#include <strings.h>

static bool is_host_label(const uint8_t *label, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = label[i] | 0x20;
        bool fine = (c >= 'a' && c <= 'z') || (label[i] >= '0' && label[i] <= '9') ||
                    (label[i] == '-' && i > 0 && i + 1 < len);
        if (!fine) {
            return false;
        }
    }
    return true;
}

/* True if the last label is a number, in a form that inet_aton knows: then the whole name could be
 * read as an IPv4 address (RFC 1123 2.1, RFC 3696 2). */
static bool is_number(const uint8_t *label, size_t len)
{
    bool hex = len >= 2 && label[0] == '0' && (label[1] | 0x20) == 'x';
    for (size_t i = hex ? 2 : 0; i < len; i++) {
        uint8_t c = label[i] | 0x20;
        bool digit = label[i] >= '0' && label[i] <= '9';
        if (!digit && !(hex && c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return true;
}

/* Names that are not looked up in the DNS (RFC 6761 6.3 and 6.4, RFC 6762 3, RFC 7686 2, RFC
 * 9476). */
static bool is_local(const uint8_t *label, size_t len)
{
    static const char *const tops[] = { "localhost", "invalid", "local", "onion", "alt" };
    for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
        if (strlen(tops[i]) == len && strncasecmp(tops[i], (const char *)label, len) == 0) {
            return true;
        }
    }
    return false;
}

enum hostname hostname_look(const struct dname *name)
{
    const uint8_t *last = name->wire;
    for (const uint8_t *at = last; *at != 0; at += 1 + *at) {
        last = at;
        if (memchr(at + 1, ':', *at) != NULL) {
            return HOSTNAME_NUMBER;
        }
        if (!is_host_label(at + 1, *at)) {
            return HOSTNAME_CHARACTERS;
        }
    }
    if (is_number(last + 1, *last)) {
        return HOSTNAME_NUMBER;
    }
    return is_local(last + 1, *last) ? HOSTNAME_LOCAL : HOSTNAME_FINE;
}
