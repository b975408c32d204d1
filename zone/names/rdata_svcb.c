/* SVCB and HTTPS: parameters of a service (RFC 9460 2.1, 7, 14.3.2). */
#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

#include "zone/names/rdata_private.h"

enum {
    KEY_MANDATORY,
    KEY_ALPN,
    KEY_NO_DEFAULT_ALPN,
    KEY_PORT,
    KEY_IPV4HINT,
    KEY_ECH,
    KEY_IPV6HINT,
    KEYS
};
static const char *const names[KEYS] = { "mandatory", "alpn", "no-default-alpn", "port",
                                         "ipv4hint",  "ech",  "ipv6hint" };

struct parameter {
    uint16_t key, len;
    const uint8_t *value;
};

static bool next_parameter(struct reader *r, struct parameter *out)
{
    if (reader_left(r) == 0) {
        return false;
    }
    out->key = read_u16(r);
    out->len = read_u16(r);
    out->value = read_octets(r, out->len);
    return !r->failed;
}

/* ---- octets ---- */

static struct reader parameters_of(const uint8_t *rdata, size_t len)
{
    struct dname target;
    struct reader r = reader_of(rdata, len);
    (void)read_u16(&r);
    dname_read(&r, &target);
    return r;
}

static bool has_key(struct reader r, uint16_t key)
{
    struct parameter parameter;
    while (next_parameter(&r, &parameter)) {
        if (parameter.key == key) {
            return true;
        }
    }
    return false;
}

/* RFC 9460 8: keys that are present, in order, without `mandatory` itself. */
static bool mandatory_is_good(const struct parameter *parameter, struct reader all)
{
    struct reader r = reader_of(parameter->value, parameter->len);
    uint16_t last = KEY_MANDATORY;
    while (reader_left(&r) > 0) {
        uint16_t key = read_u16(&r);
        if (key <= last || !has_key(all, key)) {
            return false;
        }
        last = key;
    }
    return !r.failed && parameter->len > 0;
}

static bool alpn_is_good(const struct parameter *parameter)
{
    struct reader r = reader_of(parameter->value, parameter->len);
    while (reader_left(&r) > 0) {
        uint8_t len = read_u8(&r);
        (void)read_octets(&r, len);
        r.failed = r.failed || len == 0;
    }
    return !r.failed && parameter->len > 0;
}

static bool value_is_good(const struct parameter *parameter, struct reader all)
{
    switch (parameter->key) {
    case KEY_MANDATORY:
        return mandatory_is_good(parameter, all);
    case KEY_ALPN:
        return alpn_is_good(parameter);
    case KEY_NO_DEFAULT_ALPN:
        return parameter->len == 0 && has_key(all, KEY_ALPN);
    case KEY_PORT:
        return parameter->len == 2;
    case KEY_IPV4HINT:
        return parameter->len > 0 && parameter->len % 4 == 0;
    case KEY_IPV6HINT:
        return parameter->len > 0 && parameter->len % 16 == 0;
    case KEY_ECH:
        return parameter->len > 0;
    default:
        return parameter->key != UINT16_MAX; /* RFC 9460 14.3.2: the invalid key */
    }
}

bool rdata_svcb_check(const uint8_t *rdata, size_t len)
{
    struct reader r = parameters_of(rdata, len);
    const struct reader all = r;
    struct parameter parameter;
    int last = -1;
    while (next_parameter(&r, &parameter)) {
        if (parameter.key <= last || !value_is_good(&parameter, all)) {
            return false;
        }
        last = parameter.key;
    }
    return reader_done(&r);
}

/* ---- text to octets ---- */

/* Finds the key of "alpn" or "key65000", `len` characters. */
static bool find_key(const char *text, size_t len, uint16_t *out)
{
    uint32_t number = 0;
    for (unsigned key = 0; key < KEYS; key++) {
        if (strlen(names[key]) == len && strncasecmp(names[key], text, len) == 0) {
            *out = (uint16_t)key;
            return true;
        }
    }
    if (len < 4 || strncasecmp(text, "key", 3) != 0 || (text[3] == '0' && len > 4) ||
        !rdata_number(&number, text + 3, len - 3, UINT16_MAX)) {
        return false;
    }
    *out = (uint16_t)number;
    return true;
}

static bool put_address(struct writer *out, int family, const char *item, size_t len)
{
    char text[64] = "";
    uint8_t octets[16];
    if (len >= sizeof text) {
        return false;
    }
    memcpy(text, item, len);
    write_octets(out, octets,
                 inet_pton(family, text, octets) == 1 ? family == AF_INET ? 4 : 16 : 0);
    return len > 0 && inet_pton(family, text, octets) == 1;
}

static bool put_item(struct writer *out, uint16_t key, const char *item, size_t len)
{
    uint16_t named = 0;
    switch (key) {
    case KEY_MANDATORY:
        if (!find_key(item, len, &named)) {
            return false;
        }
        write_u16(out, named);
        return true;
    case KEY_ALPN:
        write_u8(out, (uint8_t)len);
        write_octets(out, item, len);
        return len > 0 && len <= UINT8_MAX;
    case KEY_IPV4HINT:
        return put_address(out, AF_INET, item, len);
    default:
        return put_address(out, AF_INET6, item, len);
    }
}

/* A list separated by commas, with escapes `\,` and `\\` (RFC 9460 A.1). The escapes of the word
 * are resolved already. */
static bool put_list(struct writer *out, uint16_t key, const uint8_t *value, size_t len)
{
    char item[UINT8_MAX + 1];
    size_t item_len = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i == len || value[i] == ',') {
            if (!put_item(out, key, item, item_len)) {
                return false;
            }
            item_len = 0;
            continue;
        }
        i += value[i] == '\\' && i + 1 < len;
        if (item_len == sizeof item) {
            return false;
        }
        item[item_len++] = (char)value[i];
    }
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, 2);
}

static bool put_value(struct writer *out, uint16_t key, const uint8_t *value, size_t len)
{
    uint32_t port = 0;
    size_t at = out->at;
    bool good = true;
    switch (key) {
    case KEY_MANDATORY: /* sorted on the wire, in any order in text */
        good = put_list(out, key, value, len);
        if (good && !out->failed) {
            qsort(out->data + at, (out->at - at) / 2, 2, compare_keys);
        }
        return good;
    case KEY_ALPN:
    case KEY_IPV4HINT:
    case KEY_IPV6HINT:
        return put_list(out, key, value, len);
    case KEY_PORT:
        good = rdata_number(&port, (const char *)value, len, UINT16_MAX);
        write_u16(out, (uint16_t)port);
        return good;
    case KEY_ECH:
        return rdata_base64(out, (const char *)value, len);
    default:
        write_octets(out, value, len);
        return true;
    }
}

bool rdata_parse_parameter(struct rdata_parsing *p, const struct rdata_word *word)
{
    const char *equals = memchr(word->text, '=', word->len);
    size_t name_len = equals != NULL ? (size_t)(equals - word->text) : word->len;
    const char *end = word->text + word->len;
    const char *at = equals != NULL ? equals + 1 : end;
    bool quoted = at < end && *at == '"';
    at += quoted;
    end -= quoted && end > at && end[-1] == '"';
    const struct rdata_word given = { at, (size_t)(end - at), quoted };
    uint16_t key = 0;
    size_t len = 0;
    if (word->quoted || !find_key(word->text, name_len, &key)) {
        return rdata_bad(p, word, "does not start with a parameter name");
    }
    uint8_t *value = xmalloc(given.len + 1);
    write_u16(p->out, key);
    size_t length_at = p->out->at;
    write_u16(p->out, 0);
    bool good = rdata_unescape(&given, value, given.len, &len) &&
                put_value(p->out, key, value, len) && p->out->at - length_at - 2 <= UINT16_MAX;
    free(value);
    if (good && !p->out->failed) {
        wire_put_u16(p->out->data + length_at, (uint16_t)(p->out->at - length_at - 2));
    }
    return good || rdata_bad(p, word, "has a value that the parameter cannot have");
}

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *x = a;
    const struct parameter *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

bool rdata_svcb_order(struct rdata_parsing *p)
{
    if (p->out->failed) {
        return true;
    }
    uint8_t *rdata = p->out->data + p->begin;
    size_t len = p->out->at - p->begin;
    struct reader r = parameters_of(rdata, len);
    size_t at = r.at;
    size_t count = 0;
    uint8_t *copy = xmalloc(len);
    struct parameter *list = xcalloc(len / 4 + 1, sizeof *list);
    memcpy(copy, rdata, len);
    r.data = copy;
    while (next_parameter(&r, &list[count])) {
        count++;
    }
    qsort(list, count, sizeof *list, compare_parameters);
    struct writer w = writer_of(rdata + at, len - at);
    for (size_t i = 0; i < count; i++) {
        write_u16(&w, list[i].key);
        write_u16(&w, list[i].len);
        write_octets(&w, list[i].value, list[i].len);
    }
    free(list);
    free(copy);
    return true;
}

/* ---- octets to text ---- */

static void print_key(FILE *file, uint16_t key)
{
    if (key < KEYS) {
        (void)fputs(names[key], file);
    } else {
        (void)fprintf(file, "key%u", key);
    }
}

static void print_list(FILE *file, const struct parameter *parameter)
{
    struct reader r = reader_of(parameter->value, parameter->len);
    char text[64];
    for (bool first = true; reader_left(&r) > 0; first = false) {
        (void)fputs(first ? "" : ",", file);
        if (parameter->key == KEY_MANDATORY) {
            print_key(file, read_u16(&r));
        } else if (parameter->key == KEY_ALPN) {
            size_t len = read_u8(&r);
            (void)fwrite(read_octets(&r, len), 1, len, file);
        } else if (parameter->key == KEY_IPV4HINT) {
            (void)fputs(inet_ntop(AF_INET, read_octets(&r, 4), text, sizeof text), file);
        } else {
            (void)fputs(inet_ntop(AF_INET6, read_octets(&r, 16), text, sizeof text), file);
        }
    }
}

bool rdata_parameter_is_plain(const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct parameter parameter = { .len = 0 };
    (void)next_parameter(&r, &parameter);
    r = reader_of(parameter.value, parameter.key == KEY_ALPN ? parameter.len : 0);
    while (reader_left(&r) > 0) {
        size_t id_len = read_u8(&r);
        const uint8_t *id = read_octets(&r, id_len);
        for (size_t i = 0; id != NULL && i < id_len; i++) {
            bool letter = (id[i] | 0x20) >= 'a' && (id[i] | 0x20) <= 'z';
            if (!letter && (id[i] < '-' || id[i] > '9')) {
                return false;
            }
        }
    }
    return true;
}

void rdata_parameter_print(FILE *file, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct parameter parameter;
    if (!next_parameter(&r, &parameter)) {
        return;
    }
    print_key(file, parameter.key);
    if (parameter.len == 0) {
        return;
    }
    (void)fputc('=', file);
    switch (parameter.key) {
    case KEY_MANDATORY:
    case KEY_ALPN:
    case KEY_IPV4HINT:
    case KEY_IPV6HINT:
        print_list(file, &parameter);
        break;
    case KEY_PORT:
        (void)fprintf(file, "%u", (unsigned)parameter.value[0] << 8 | parameter.value[1]);
        break;
    case KEY_ECH:
        rdata_put_base64(file, parameter.value, parameter.len);
        break;
    default:
        rdata_put_quoted(file, parameter.value, parameter.len);
    }
}
