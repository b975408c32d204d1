#include "zone/base/wire.h"

#include "zone/base/result.h"

void read_text(struct reader *r, char *out, size_t room)
{
    size_t len = read_u16(r);
    const uint8_t *text = read_octets(r, len);
    if (text == NULL) {
        return;
    }
    if (len >= room || memchr(text, 0, len) != NULL) {
        r->failed = true;
        return;
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

void write_text(struct writer *w, const char *text)
{
    size_t len = strlen(text);
    ASSERT(len <= UINT16_MAX);
    write_u16(w, (uint16_t)len);
    write_octets(w, text, len);
}
