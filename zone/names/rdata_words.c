/* Words of a record's text, and the parsing of common fields. */
#include <stdlib.h>

#include <sodium.h>

#include "zone/base/escape.h"
#include "zone/names/rdata_private.h"

/* Length of the quoted text at `text`, up to the closing quote or the end. */
static size_t quoted_length(const char *text)
{
    size_t len = 0;
    while (text[len] != 0 && text[len] != '"') {
        len += text[len] == '\\' && text[len + 1] != 0 ? 2 : 1;
    }
    return len;
}

/* A blank inside quotes does not end a word: key="a b". */
static size_t bare_length(const char *text)
{
    size_t len = 0;
    while (text[len] != 0 && text[len] != ' ') {
        if (text[len] == '"') {
            len += 1 + quoted_length(text + len + 1);
            len += text[len] == '"';
        } else {
            len += text[len] == '\\' && text[len + 1] != 0 ? 2 : 1;
        }
    }
    return len;
}

bool rdata_word(const char **text, struct rdata_word *out)
{
    const char *at = *text + strspn(*text, " ");
    if (*at == 0) {
        return false;
    }
    bool quoted = *at == '"';
    at += quoted;
    size_t len = quoted ? quoted_length(at) : bare_length(at);
    *text = at + len + (quoted && at[len] == '"');
    *out = (struct rdata_word){ at, len, quoted };
    return true;
}

bool rdata_bad(struct rdata_parsing *p, const struct rdata_word *word, const char *what)
{
    (void)diag_fail(p->why, RESULT_INVALID, "\"%.*s\" %s", word->len < 60 ? (int)word->len : 60,
                    word->text, what);
    return false;
}

bool rdata_number(uint32_t *out, const char *text, size_t len, uint32_t most)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
        if (value > most) {
            return false;
        }
    }
    *out = (uint32_t)value;
    return len > 0;
}

bool rdata_ttl_parse(uint32_t *out, const char *text, size_t len)
{
    static const char units[] = "smhdw";
    static const uint32_t seconds[] = { 1, 60, 3600, 86400, 604800 };
    uint64_t total = 0;
    size_t i = 0;
    do {
        uint64_t value = 0;
        size_t first = i;
        for (; i < len && text[i] >= '0' && text[i] <= '9' && value <= RDATA_TTL_MAX; i++) {
            value = value * 10 + (uint64_t)(text[i] - '0');
        }
        if (i == first) {
            return false;
        }
        if (i < len) {
            const char *unit = memchr(units, text[i] | 0x20, sizeof units - 1);
            if (unit == NULL) {
                return false;
            }
            value *= seconds[unit - units];
            i++;
        }
        total += value;
    } while (i < len && total <= RDATA_TTL_MAX);
    if (total > RDATA_TTL_MAX) {
        return false;
    }
    *out = (uint32_t)total;
    return true;
}

bool rdata_unescape(const struct rdata_word *word, uint8_t *out, size_t room, size_t *len)
{
    size_t at = 0;
    *len = 0;
    while (at < word->len) {
        size_t taken = 0;
        if (*len < room && (word->quoted || word->text[at] != '"')) {
            taken = escape_read(word->text + at, word->len - at, &out[*len]);
        }
        if (taken == 0) {
            return false;
        }
        at += taken;
        *len += 1;
    }
    return true;
}

bool rdata_name_parse(struct dname *out, const struct rdata_word *word, const struct dname *origin)
{
    char text[DNAME_TEXT_MAX] = "";
    struct dname name = *origin;
    for (size_t i = 0; i < word->len; i++) {
        if (word->text[i] == '"') {
            return false;
        }
        i += word->text[i] == '\\';
    }
    if (word->quoted || word->len >= sizeof text) {
        return false;
    }
    memcpy(text, word->text, word->len);
    if (strcmp(text, "@") != 0 && dname_parse(&name, text, origin) != RESULT_OK) {
        return false;
    }
    *out = name;
    return true;
}

int rdata_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool rdata_hex(struct writer *out, const char *text, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        int high = rdata_hex_digit(text[i]);
        int low = rdata_hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        write_u8(out, (uint8_t)(high << 4 | low));
    }
    return len % 2 == 0;
}

bool rdata_base64(struct writer *out, const char *text, size_t len)
{
    size_t written = 0;
    size_t room = out->failed ? 0 : out->len - out->at;
    if (sodium_base642bin(out->data + out->at, room, text, len, NULL, &written, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return false;
    }
    out->at += written;
    return written > 0;
}
