#include "tools/fleet/verdictskey.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    NUMBER_LEN = 16
};

char *verdictskey_text(const struct verdictskey *key, char out[VERDICTSKEY_ROOM])
{
    (void)snprintf(out, VERDICTSKEY_ROOM, "v/%s/%s/%016" PRIx64, key->machine, key->vantage,
                   key->number);
    return out;
}

void verdictskey_range(const char *machine, const char *vantage, char from[VERDICTSKEY_ROOM],
                       char to[VERDICTSKEY_ROOM])
{
    (void)snprintf(from, VERDICTSKEY_ROOM, "v/%s/%s/", machine, vantage);
    (void)snprintf(to, VERDICTSKEY_ROOM, "v/%s/%s%c", machine, vantage, '/' + 1);
}

/* Takes what is before the next slash. False if there is none, or no room. */
static bool take_part(struct octets *rest, char *out, size_t room)
{
    const uint8_t *slash = rest->len > 0 ? memchr(rest->data, '/', rest->len) : NULL;
    size_t len = slash == NULL ? room : (size_t)(slash - rest->data);
    if (len >= room) {
        return false;
    }
    memcpy(out, rest->data, len);
    out[len] = '\0';
    *rest = (struct octets){ slash + 1, rest->len - len - 1 };
    return true;
}

bool verdictskey_parse(struct verdictskey *out, struct octets key)
{
    struct verdictskey found = { .number = 0 };
    char text[VERDICTSKEY_ROOM];
    struct octets rest = key;
    if (!take_part(&rest, found.machine, sizeof(found.machine)) ||
        !take_part(&rest, found.vantage, sizeof(found.vantage)) || rest.len != NUMBER_LEN ||
        !machine_name_fine(found.machine) || !vantage_name_fine(found.vantage)) {
        return false;
    }
    for (size_t i = 0; i < rest.len; i++) {
        uint8_t c = rest.data[i];
        unsigned digit = c >= 'a' && c <= 'f' ? c - 'a' + 10U : c - (unsigned)'0';
        found.number = found.number << 4 | (digit & 0xf);
    }
    (void)verdictskey_text(&found, text);
    if (memcmp(text + 2, key.data, key.len) != 0) {
        return false; /* it would be written in another way */
    }
    *out = found;
    return true;
}
