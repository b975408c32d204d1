#include "tools/site/markup.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/printable.h"
#include "zone/base/result.h"

enum {
    SPEC_ROOM = 16,
    FIXED_ROOM = 32,    /* a sign, 16 digits and a point */
    NUMBER_ROOM = 400,  /* the longest double in %f is 310 characters long, and has a precision */
    HARMLESS_FACTOR = 4 /* printable_escape makes up to four octets of one */
};

/* Whole numbers up to here are exact as a double. */
#define FIXED_MOST 9e15

void markup_done(struct markup *m)
{
    free(m->text);
    *m = (struct markup){ 0 };
}

void markup_clear(struct markup *m)
{
    m->len = 0;
}

static void append(struct markup *m, const char *text, size_t len)
{
    if (len >= m->room - m->len) {
        size_t room = m->room < 4096 ? 4096 : m->room;
        while (room - m->len <= len) {
            ASSERT(room <= SIZE_MAX / 2);
            room *= 2;
        }
        m->text = xrealloc(m->text, room);
        m->room = room;
    }
    memcpy(m->text + m->len, text, len);
    m->len += len;
    m->text[m->len] = 0;
}

void markup_raw(struct markup *m, const char *markup)
{
    append(m, markup, strlen(markup));
}

static const char *reference(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* A harmless copy. The caller frees it. */
static char *harmless(const char *text)
{
    size_t room = strlen(text) * HARMLESS_FACTOR + HARMLESS_FACTOR + 1;
    return printable_escape(xmalloc(room), room, text);
}

void markup_text(struct markup *m, const char *text)
{
    char *safe = harmless(text);
    const char *from = safe;
    for (const char *p = safe; *p != 0; p++) {
        const char *instead = reference(*p);
        if (instead != NULL) {
            append(m, from, (size_t)(p - from));
            markup_raw(m, instead);
            from = p + 1;
        }
    }
    append(m, from, strlen(from));
    free(safe);
}

void markup_fixed(struct markup *m, double value, unsigned digits)
{
    static const unsigned scales[] = { 1,      10,      100,      1000,      10000,
                                       100000, 1000000, 10000000, 100000000, 1000000000 };
    char text[FIXED_ROOM], *at = text + sizeof(text);
    ASSERT(isfinite(value) && digits < sizeof(scales) / sizeof(scales[0]));
    double scaled = round(fabs(value) * scales[digits]);
    if (scaled >= FIXED_MOST) {
        markup_put(m, "%.0f", value);
        return;
    }
    uint64_t rest = (uint64_t)scaled;
    bool negative = value < 0 && rest > 0, begun = false;
    for (unsigned i = 0; i < digits; i++, rest /= 10) {
        if (begun || rest % 10 != 0) {
            *--at = (char)('0' + rest % 10);
            begun = true;
        }
    }
    if (begun) {
        *--at = '.';
    }
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (negative) {
        *--at = '-';
    }
    append(m, at, (size_t)(text + sizeof(text) - at));
}

void markup_csv(struct markup *m, const char *text)
{
    char *safe = harmless(text);
    bool formula = *safe != 0 && strchr("=+-@", *safe) != NULL;
    bool quoted = strpbrk(safe, ",\"") != NULL;
    markup_raw(m, quoted ? "\"" : "");
    markup_raw(m, formula ? "'" : "");
    for (const char *p = safe; *p != 0; p++) {
        append(m, p, 1);
        if (*p == '"') {
            append(m, p, 1);
        }
    }
    markup_raw(m, quoted ? "\"" : "");
    free(safe);
}

void markup_json(struct markup *m, json_t *value)
{
    ASSERT(value != NULL);
    size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_REAL_PRECISION(7);
    char *text = json_dumps(value, flags);
    ASSERT(text != NULL);
    markup_raw(m, text);
    free(text);
    json_decref(value);
}

/* The conversions below come from the formats of markup_put, whose callers the compiler has
 * checked. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* Writes a `%s` with its precision, if it has one. */
static void put_text(struct markup *m, const char *spec, const char *text)
{
    if (strcmp(spec, "%s") == 0) {
        markup_text(m, text);
        return;
    }
    char *cut = NULL;
    CHECK(asprintf(&cut, spec, text) >= 0);
    markup_text(m, cut);
    free(cut);
}

/* Writes one conversion, whose argument is next in `args`. */
static void put_argument(struct markup *m, const char *spec, va_list *args)
{
    char number[NUMBER_ROOM];
    const char *length = spec + 1 + strspn(spec + 1, "-+ #0123456789.");
    bool is_unsigned = strchr("ux", spec[strlen(spec) - 1]) != NULL;
    int len = -1;
    if (*length == 's') {
        put_text(m, spec, va_arg(*args, const char *));
        return;
    }
    /* NOLINTBEGIN(bugprone-branch-clone): the types differ */
    if (*length == 'f') {
        len = snprintf(number, sizeof(number), spec, va_arg(*args, double));
    } else if (strncmp(length, "ll", 2) == 0) {
        len = is_unsigned
                  ? snprintf(number, sizeof(number), spec, va_arg(*args, unsigned long long))
                  : snprintf(number, sizeof(number), spec, va_arg(*args, long long));
    } else if (*length == 'l') {
        len = is_unsigned ? snprintf(number, sizeof(number), spec, va_arg(*args, unsigned long))
                          : snprintf(number, sizeof(number), spec, va_arg(*args, long));
    } else if (*length == 'z') {
        len = snprintf(number, sizeof(number), spec, va_arg(*args, size_t));
    } else {
        ASSERT(strchr("diuxc", *length) != NULL);
        len = snprintf(number, sizeof(number), spec, va_arg(*args, int));
    }
    /* NOLINTEND(bugprone-branch-clone) */
    ASSERT(len >= 0 && (size_t)len < sizeof(number));
    append(m, number, (size_t)len);
}

void markup_put(struct markup *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *p = format;
    while (*p != 0) {
        size_t plain = strcspn(p, "%");
        append(m, p, plain);
        p += plain;
        if (*p == '%' && p[1] == '%') {
            append(m, p, 1);
            p += 2;
        } else if (*p == '%') {
            char spec[SPEC_ROOM];
            size_t len = 1 + strspn(p + 1, "-+ #0123456789.lz") + 1;
            ASSERT(len < sizeof(spec));
            memcpy(spec, p, len);
            spec[len] = 0;
            put_argument(m, spec, &args);
            p += len;
        }
    }
    va_end(args);
}
