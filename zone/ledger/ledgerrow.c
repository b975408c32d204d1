#include "zone/ledger/ledgerrow.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

static const char hex[] = "0123456789abcdef";

static bool is_kind(enum ledgerrow_kind kind)
{
    const char kinds[] = { LEDGERROW_SETTING, LEDGERROW_MEMBER,  LEDGERROW_TOMBSTONE,
                           LEDGERROW_NODE,    LEDGERROW_VANTAGE, LEDGERROW_MACHINE };
    return memchr(kinds, (int)kind, sizeof(kinds)) != NULL;
}

enum result ledgerrow_name(struct ledgerrow_name *out, enum ledgerrow_kind kind, const void *octets,
                           size_t len)
{
    const struct ledgerrow_name name = { .kind = kind, .len = len, .octets = octets };
    if (len == 0 || len > LEDGERROW_NAME_MAX || !is_kind(kind)) {
        return RESULT_INVALID;
    }
    for (size_t i = 0; i < len && kind != LEDGERROW_NODE; i++) {
        if (name.octets[i] <= ' ' || name.octets[i] > '~' || name.octets[i] == '/') {
            return RESULT_INVALID;
        }
    }
    *out = name;
    return RESULT_OK;
}

static void start(crypto_generichash_state *state, const char *what)
{
    /* One kind of digest is never another. */
    CHECK(crypto_generichash_init(state, (const uint8_t *)what, strlen(what), LEDGERROW_DIGEST) ==
          0);
}

static void add(crypto_generichash_state *state, const void *octets, size_t len)
{
    CHECK(crypto_generichash_update(state, octets, len) == 0);
}

static void finish(crypto_generichash_state *state, struct ledgerrow_digest *out)
{
    CHECK(crypto_generichash_final(state, out->octets, sizeof(out->octets)) == 0);
}

static void add_name(crypto_generichash_state *state, const struct ledgerrow_name *name)
{
    uint8_t head[] = { (uint8_t)name->kind, (uint8_t)(name->len >> 8), (uint8_t)name->len };
    add(state, head, sizeof(head));
    add(state, name->octets, name->len);
}

void ledgerrow_place(struct ledgerrow_digest *out, const struct ledgerrow_name *name)
{
    crypto_generichash_state state;
    start(&state, "ntspool ledger place");
    add_name(&state, name);
    finish(&state, out);
}

uint8_t ledgerrow_bucket(const struct ledgerrow_name *name)
{
    struct ledgerrow_digest place;
    ledgerrow_place(&place, name);
    return place.octets[0];
}

char *ledgerrow_key(const struct ledgerrow_name *name, char out[LEDGERROW_KEY_ROOM])
{
    int at =
        snprintf(out, LEDGERROW_KEY_ROOM, "r/%02x/%c/", ledgerrow_bucket(name), (char)name->kind);
    char *end = out + at;
    for (size_t i = 0; i < name->len; i++) {
        if (name->kind == LEDGERROW_NODE) {
            *end++ = hex[name->octets[i] >> 4];
            *end++ = hex[name->octets[i] & 15];
        } else {
            *end++ = (char)name->octets[i];
        }
    }
    *end = '\0';
    return out;
}

static bool parse_hex(struct octets text, uint8_t *out, size_t *len)
{
    if (text.len % 2 != 0 || text.len / 2 > LEDGERROW_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = memchr(hex, text.data[i], sizeof(hex) - 1);
        if (digit == NULL) {
            return false;
        }
        unsigned value = (unsigned)(digit - hex);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : out[i / 2] | value);
    }
    *len = text.len / 2;
    return true;
}

enum result ledgerrow_parse(struct ledgerrow_name *out, struct octets key, uint8_t *room)
{
    enum {
        HEAD = 7 /* "r/07/m/" */
    };
    struct ledgerrow_name name;
    char again[LEDGERROW_KEY_ROOM];
    if (key.len <= HEAD || key.len >= LEDGERROW_KEY_ROOM) {
        return RESULT_INVALID;
    }
    enum ledgerrow_kind kind = (enum ledgerrow_kind)key.data[HEAD - 2];
    struct octets rest = { key.data + HEAD, key.len - HEAD };
    if (key.data[HEAD - 2] >= 'a' && key.data[HEAD - 2] <= 'z' && !is_kind(kind) &&
        memcmp(key.data, "r/", 2) == 0) {
        return RESULT_NEWER;
    }
    if (kind == LEDGERROW_NODE) {
        size_t len = 0;
        if (!parse_hex(rest, room, &len)) {
            return RESULT_INVALID;
        }
        rest = (struct octets){ room, len };
    }
    TRY(ledgerrow_name(&name, kind, rest.data, rest.len));
    (void)ledgerrow_key(&name, again);
    if (strlen(again) != key.len || memcmp(again, key.data, key.len) != 0) {
        return RESULT_INVALID;
    }
    *out = name;
    return RESULT_OK;
}

void ledgerrow_range(uint8_t bucket, char from[LEDGERROW_RANGE_ROOM], char to[LEDGERROW_RANGE_ROOM])
{
    (void)snprintf(from, LEDGERROW_RANGE_ROOM, "r/%02x/", bucket);
    (void)snprintf(to, LEDGERROW_RANGE_ROOM, "r/%02x%c", bucket, '/' + 1);
}

int ledgerrow_order(const struct ledgerrow_name *a, const struct ledgerrow_name *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    int order = memcmp(a->octets, b->octets, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

void ledgerrow_digest(struct ledgerrow_digest *out, const struct ledgerrow_name *name,
                      struct octets value)
{
    crypto_generichash_state state;
    start(&state, "ntspool ledger row");
    add_name(&state, name);
    add(&state, value.data, value.len);
    finish(&state, out);
}

void ledgerrow_bucket_digest(struct ledgerrow_digest *out, const struct ledgerrow_digest *rows,
                             size_t count)
{
    crypto_generichash_state state;
    start(&state, "ntspool ledger bucket");
    for (size_t i = 0; i < count; i++) {
        add(&state, rows[i].octets, sizeof(rows[i].octets));
    }
    finish(&state, out);
}

void ledgerrow_root(struct ledgerrow_digest *out,
                    const struct ledgerrow_digest buckets[LEDGERROW_BUCKETS])
{
    crypto_generichash_state state;
    start(&state, "ntspool ledger root");
    for (size_t i = 0; i < LEDGERROW_BUCKETS; i++) {
        add(&state, buckets[i].octets, sizeof(buckets[i].octets));
    }
    finish(&state, out);
}
