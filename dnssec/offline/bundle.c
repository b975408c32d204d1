/* The parser is lax. Then the parsed file is written again and compared with the input. So there is
 * one form only, and each of its rules is in one place. */
#include "dnssec/offline/bundle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "zone/base/array.h"
#include "zone/base/isotime.h"

enum {
    VARIANT = sodium_base64_VARIANT_ORIGINAL,
    PUBLIC_TEXT = sodium_base64_ENCODED_LEN(KEY_PUBLIC_MAX, VARIANT),
    SIGNATURE_TEXT = sodium_base64_ENCODED_LEN(KEY_SIGNATURE_LEN, VARIANT),
    LIST_TEXT = KEYSTORE_MAX * 3 + 1,
    LINE_ROOM = DNAME_TEXT_MAX + 64,
    WORDS_MAX = 10,
    VALIDITY_MAX_S = 31 * 86400, /* signature-validity is 30 days at most */
    TTL_MAX = 7 * 86400
};
#define TIME_MAX UINT64_C(4102444800) /* the year 2100 */

static const char heads[2][20] = { "ntspool-request 1", "ntspool-bundle 1" };
static const char roles[4][4] = { "", "ksk", "zsk", "csk" };

void bundle_done(struct bundle *bundle)
{
    slices_done(&bundle->slices);
}

struct text {
    char *data;
    size_t len, room;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *text, const char *format, ...)
{
    va_list args;
    ARRAY_RESERVE(text->data, text->room, text->len + LINE_ROOM);
    va_start(args, format);
    int len = vsnprintf(text->data + text->len, text->room - text->len, format, args);
    va_end(args);
    ASSERT(len >= 0 && (size_t)len < text->room - text->len);
    text->len += (size_t)len;
}

static char *list_text(uint32_t set, char out[LIST_TEXT])
{
    size_t len = 0;
    (void)snprintf(out, LIST_TEXT, "-");
    for (unsigned i = 0; i < KEYSTORE_MAX; i++) {
        if (key_bits_have(set, i)) {
            len += (size_t)snprintf(out + len, LIST_TEXT - len, len == 0 ? "%u" : ",%u", i + 1);
        }
    }
    return out;
}

static void put_key(struct text *text, const struct key_record *key, size_t number)
{
    char base64[PUBLIC_TEXT];
    (void)sodium_bin2base64(base64, sizeof base64, key->public_key, key->public_len, VARIANT);
    put(text, "key %zu %s %d %u %s\n", number, roles[key->role], (int)key->algorithm, key->tag,
        base64);
}

static void put_slice(struct text *text, const struct slice *slice)
{
    char from[ISOTIME_ROOM], inception[ISOTIME_ROOM], expiration[ISOTIME_ROOM];
    char dnskey[LIST_TEXT], ds[LIST_TEXT], zsk[LIST_TEXT];
    put(text, "slice %s %s %s dnskey %s ds %s zsk %s\n", isotime_text(slice->from, from),
        isotime_text(slice->inception, inception), isotime_text(slice->expiration, expiration),
        list_text(slice->aim.dnskey, dnskey), list_text(slice->aim.ds, ds),
        list_text(slice->aim.wanted, zsk));
    for (size_t i = 0; i < KEYSTORE_MAX; i++) {
        char base64[SLICE_TYPES][SIGNATURE_TEXT];
        for (size_t type = 0; type < SLICE_TYPES && key_bits_have(slice->signed_by, i); type++) {
            (void)sodium_bin2base64(base64[type], SIGNATURE_TEXT, slice_signature(slice, i, type),
                                    KEY_SIGNATURE_LEN, VARIANT);
        }
        if (key_bits_have(slice->signed_by, i)) {
            put(text, "sign %zu %s %s %s\n", i + 1, base64[0], base64[1], base64[2]);
        }
    }
}

char *bundle_write(struct bundle *bundle, size_t *len)
{
    struct text text = { .data = NULL };
    char name[DNAME_TEXT_MAX], at[ISOTIME_ROOM];
    uint8_t sum[crypto_hash_sha256_BYTES];
    const struct slices *slices = &bundle->slices;
    put(&text, "%s\n", heads[bundle->is_signed]);
    put(&text, "zone %s\n", dname_text(&bundle->zone, name));
    put(&text, "made %s\n", isotime_text(slices->made_at, at));
    put(&text, "ttl %u\n", slices->count > 0 ? slices->list[0].ttl_s : 0);
    for (size_t i = 0; i < bundle->keys.count; i++) {
        put_key(&text, &bundle->keys.list[i], i + 1);
    }
    for (size_t i = 0; i < slices->count; i++) {
        put_slice(&text, &slices->list[i]);
    }
    (void)crypto_hash_sha256(sum, (const uint8_t *)text.data, text.len);
    sodium_bin2hex(bundle->sum, sizeof bundle->sum, sum, sizeof sum);
    put(&text, "sha256 %s\n", bundle->sum);
    *len = text.len;
    return text.data;
}

/* Reads line by line and cuts each line into words. */
struct lines {
    const char *at, *end;
    unsigned number;
    char line[LINE_ROOM];
    size_t count;
    char *words[WORDS_MAX];
    struct diag *diag;
    uint32_t ttl_s;
};

static enum result wrong(const struct lines *lines, const char *what)
{
    return diag_fail(lines->diag, RESULT_INVALID, "line %u: %s", lines->number, what);
}

/* False at the end, or if there is no line of words. */
static bool next_line(struct lines *lines)
{
    size_t left = (size_t)(lines->end - lines->at);
    const char *newline = left == 0 ? NULL : memchr(lines->at, '\n', left);
    size_t len = newline == NULL ? 0 : (size_t)(newline - lines->at);
    lines->count = 0;
    lines->number++;
    if (newline == NULL || len >= sizeof lines->line || memchr(lines->at, 0, len) != NULL) {
        return false;
    }
    memcpy(lines->line, lines->at, len);
    lines->line[len] = 0;
    lines->at = newline + 1;
    char *rest = lines->line;
    for (char *word = strtok_r(lines->line, " ", &rest); word != NULL && lines->count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest)) {
        lines->words[lines->count++] = word;
    }
    return lines->count > 0;
}

static bool is_line(const struct lines *lines, const char *name, size_t count)
{
    return lines->count == count && strcmp(lines->words[0], name) == 0;
}

static bool read_number(uint32_t *out, const char *text, uint32_t max)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    *out = (uint32_t)value;
    return *text >= '0' && *text <= '9' && *end == 0 && value <= max;
}

static bool read_time(uint64_t *out, const char *text)
{
    return isotime_parse(text, out) == RESULT_OK && *out > 0 && *out < TIME_MAX;
}

static bool read_list(uint32_t *out, const char *text, size_t keys)
{
    uint32_t set = 0;
    for (const char *at = text; strcmp(text, "-") != 0 && *at != 0; at += *at == ',') {
        char *end = NULL;
        unsigned long number = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
        if (number == 0 || number > keys || (*end != 0 && *end != ',')) {
            return false;
        }
        set |= key_bit(number - 1);
        at = end;
    }
    *out = set;
    return true;
}

static bool decode(const char *text, uint8_t *out, size_t len)
{
    size_t got = 0;
    return sodium_base642bin(out, len, text, strlen(text), NULL, &got, NULL, VARIANT) == 0 &&
           got == len;
}

static enum result read_key(struct bundle *out, const struct lines *lines)
{
    uint32_t algorithm = 0;
    struct key_record key = { .offline = true };
    uint8_t dnskey[KEY_DNSKEY_MAX];
    for (unsigned role = KEY_KSK; role <= KEY_CSK; role++) {
        key.role = strcmp(lines->words[2], roles[role]) == 0 ? (enum key_role)role : key.role;
    }
    bool good = read_number(&algorithm, lines->words[3], UINT8_MAX) && key.role != 0;
    key.algorithm = (enum algorithm)algorithm;
    key.public_len = (uint8_t)key_public_len(key.algorithm);
    if (!good || key.public_len == 0) {
        return wrong(lines, "a key of this role or algorithm is not supported");
    }
    if (out->keys.count == KEYSTORE_MAX ||
        !decode(lines->words[5], key.public_key, key.public_len)) {
        return wrong(lines, "is not a public key, or one too many");
    }
    key.tag = key_tag_of(dnskey, key_record_dnskey(&key, dnskey));
    out->keys.list[out->keys.count++] = key;
    return RESULT_OK;
}

static enum result check_slice(const struct bundle *bundle, const struct slice *slice,
                               const struct lines *lines)
{
    const struct slices *slices = &bundle->slices;
    const struct slice *before = slices->count > 0 ? &slices->list[slices->count - 1] : NULL;
    bool timely = slice->inception <= slice->from &&
                  slice->from + SLICES_MARGIN_S < slice->expiration &&
                  slice->expiration - slice->inception <= VALIDITY_MAX_S;
    if (!timely) {
        return wrong(lines, "the times of the slice make no sense");
    }
    if (before != NULL && slice->from <= before->from) {
        return wrong(lines, "the slices overlap: they are not in order of time");
    }
    if (before != NULL && slice->from + SLICES_MARGIN_S > before->expiration) {
        return wrong(lines, "there is a gap: the signatures of the slice before end before this "
                            "one begins, or within 12 hours from then");
    }
    uint32_t all = slice->aim.dnskey, ksks = 0;
    for (size_t i = 0; i < bundle->keys.count; i++) {
        ksks |= (bundle->keys.list[i].role & KEY_KSK) != 0 ? key_bit(i) : 0;
    }
    if (all == 0 || (slice->aim.ds & ~(all & ksks)) != 0 || (slice->aim.wanted & ~all) != 0) {
        return wrong(lines, "the keys of the slice make no sense");
    }
    return RESULT_OK;
}

static enum result read_slice(struct bundle *out, const struct lines *lines)
{
    struct slice slice = { .ttl_s = lines->ttl_s };
    char *const *words = lines->words;
    size_t keys = out->keys.count;
    bool good =
        read_time(&slice.from, words[1]) && read_time(&slice.inception, words[2]) &&
        read_time(&slice.expiration, words[3]) && read_list(&slice.aim.dnskey, words[5], keys) &&
        read_list(&slice.aim.ds, words[7], keys) && read_list(&slice.aim.wanted, words[9], keys);
    if (!good) {
        return wrong(lines, "is not a slice");
    }
    TRY(check_slice(out, &slice, lines));
    return slices_add(&out->slices, &slice) ? RESULT_OK : wrong(lines, "there are too many slices");
}

static enum result read_signatures(struct bundle *out, const struct lines *lines)
{
    uint32_t number = 0;
    struct slice *slice = out->slices.count > 0 ? &out->slices.list[out->slices.count - 1] : NULL;
    bool good = out->is_signed && slice != NULL &&
                read_number(&number, lines->words[1], (uint32_t)out->keys.count) && number > 0 &&
                key_bits_have(slice->aim.dnskey, number - 1) &&
                slice->signed_by >> (number - 1) == 0 &&
                (out->keys.list[number - 1].role & KEY_KSK) != 0;
    for (size_t type = 0; type < SLICE_TYPES && good; type++) {
        uint8_t *room = slice_sign(slice, number - 1, type);
        good = room != NULL && decode(lines->words[2 + type], room, KEY_SIGNATURE_LEN);
    }
    return good ? RESULT_OK : wrong(lines, "are no signatures for the slice before");
}

/* Reads the lines after the head, up to the sum. */
static enum result read_body(struct bundle *out, struct lines *lines)
{
    while (next_line(lines) && !is_line(lines, "sha256", 2)) {
        if (is_line(lines, "key", 6) && out->slices.count == 0) {
            TRY(read_key(out, lines));
        } else if (is_line(lines, "slice", 10)) {
            TRY(read_slice(out, lines));
        } else if (is_line(lines, "sign", 2 + SLICE_TYPES)) {
            TRY(read_signatures(out, lines));
        } else {
            return wrong(lines, "is not a line of a request or bundle");
        }
    }
    if (lines->count == 0 || lines->at != lines->end) {
        return wrong(lines, "the file is cut off or damaged");
    }
    return out->slices.count > 0 ? RESULT_OK : wrong(lines, "there is no slice");
}

static enum result read_head(struct bundle *out, struct lines *lines)
{
    bool known = false;
    for (unsigned i = 0; i < 2 && !known; i++) {
        size_t len = strlen(heads[i]);
        known = (size_t)(lines->end - lines->at) > len && lines->at[len] == '\n' &&
                memcmp(lines->at, heads[i], len) == 0;
        out->is_signed = i == 1;
    }
    if (!known || !next_line(lines)) {
        return diag_fail(lines->diag, RESULT_INVALID,
                         "is neither a request nor a bundle that this version knows");
    }
    bool good = next_line(lines) && is_line(lines, "zone", 2) &&
                dname_parse(&out->zone, lines->words[1], NULL) == RESULT_OK;
    good = good && next_line(lines) && is_line(lines, "made", 2) &&
           read_time(&out->slices.made_at, lines->words[1]);
    good = good && next_line(lines) && is_line(lines, "ttl", 2) &&
           read_number(&lines->ttl_s, lines->words[1], TTL_MAX);
    return good ? RESULT_OK : wrong(lines, "is not what belongs there");
}

/* True if writing the parsed file gives exactly this text, including its sum. */
static bool is_exact(struct bundle *bundle, const char *text, size_t len)
{
    size_t again_len = 0;
    char *again = bundle_write(bundle, &again_len);
    bool same = again_len == len && memcmp(again, text, len) == 0;
    free(again);
    return same;
}

enum result bundle_read(struct bundle *out, const char *text, size_t len, struct diag *diag)
{
    struct bundle bundle = { .is_signed = false };
    struct lines lines = { .at = text, .end = text + len, .diag = diag };
    enum result result = len > BUNDLE_TEXT_MAX ? diag_fail(diag, RESULT_TOO_LONG, "is too long")
                                               : read_head(&bundle, &lines);
    if (result == RESULT_OK) {
        result = read_body(&bundle, &lines);
    }
    if (result == RESULT_OK && !is_exact(&bundle, text, len)) {
        result = diag_fail(diag, RESULT_INVALID,
                           "is damaged: its contents and its sum don't fit together");
    }
    if (result != RESULT_OK) {
        bundle_done(&bundle);
        return result;
    }
    bundle.slices.begin_at = bundle.slices.list[0].from;
    *out = bundle;
    return RESULT_OK;
}
