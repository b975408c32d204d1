#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "zone/names/rdata_private.h"

/* ---- fields ---- */

static bool parse_u8(struct rdata_parsing *p, const struct rdata_word *word)
{
    uint32_t value = 0;
    if (!rdata_number(&value, word->text, word->len, UINT8_MAX)) {
        return rdata_bad(p, word, "is not a number from 0 to 255");
    }
    write_u8(p->out, (uint8_t)value);
    return true;
}

static bool parse_u16(struct rdata_parsing *p, const struct rdata_word *word)
{
    uint32_t value = 0;
    if (!rdata_number(&value, word->text, word->len, UINT16_MAX)) {
        return rdata_bad(p, word, "is not a number from 0 to 65535");
    }
    write_u16(p->out, (uint16_t)value);
    return true;
}

static bool parse_u32(struct rdata_parsing *p, const struct rdata_word *word)
{
    uint32_t value = 0;
    if (!rdata_number(&value, word->text, word->len, UINT32_MAX)) {
        return rdata_bad(p, word, "is not a number from 0 to 4294967295");
    }
    write_u32(p->out, value);
    return true;
}

static bool parse_period(struct rdata_parsing *p, const struct rdata_word *word)
{
    uint32_t value = 0;
    if (!rdata_number(&value, word->text, word->len, UINT32_MAX) &&
        !rdata_ttl_parse(&value, word->text, word->len)) {
        return rdata_bad(p, word, "is not a time in seconds, as in 3600 or 1h30m");
    }
    write_u32(p->out, value);
    return true;
}

static bool parse_time(struct rdata_parsing *p, const struct rdata_word *word)
{
    char text[16] = "";
    struct tm tm = { .tm_sec = 0 };
    if (word->len != 14) {
        return parse_u32(p, word);
    }
    memcpy(text, word->text, word->len);
    const char *end = strptime(text, "%Y%m%d%H%M%S", &tm);
    if (end == NULL || *end != 0) {
        return rdata_bad(p, word, "is not a time, as in 20261231235959");
    }
    write_u32(p->out, (uint32_t)timegm(&tm)); /* RFC 4034 3.1.5: modulo 2^32 */
    return true;
}

bool rdata_find_type(const struct rdata_word *word, uint16_t *type)
{
    char text[RDATA_TYPE_ROOM] = "";
    if (word->quoted || word->len >= sizeof text) {
        return false;
    }
    memcpy(text, word->text, word->len);
    return rdata_type_parse(type, text) == RESULT_OK;
}

static bool parse_type(struct rdata_parsing *p, const struct rdata_word *word)
{
    uint16_t type = 0;
    if (!rdata_find_type(word, &type)) {
        return rdata_bad(p, word, "is not a record type");
    }
    write_u16(p->out, type);
    return true;
}

/* A number and its name. */
struct named {
    uint16_t number;
    const char *name;
};

static bool find_named(const struct named *list, size_t count, const struct rdata_word *word,
                       uint32_t most, uint32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i].name) == word->len &&
            strncasecmp(list[i].name, word->text, word->len) == 0) {
            *out = list[i].number;
            return true;
        }
    }
    return rdata_number(out, word->text, word->len, most);
}

static bool parse_algorithm(struct rdata_parsing *p, const struct rdata_word *word)
{
    static const struct named names[] = {
        { 1, "RSAMD5" },
        { 2, "DH" },
        { 3, "DSA" },
        { 5, "RSASHA1" },
        { 6, "DSA-NSEC3-SHA1" },
        { 7, "RSASHA1-NSEC3-SHA1" },
        { 8, "RSASHA256" },
        { 10, "RSASHA512" },
        { 12, "ECC-GOST" },
        { 13, "ECDSAP256SHA256" },
        { 14, "ECDSAP384SHA384" },
        { 15, "ED25519" },
        { 16, "ED448" },
        { 252, "INDIRECT" },
        { 253, "PRIVATEDNS" },
        { 254, "PRIVATEOID" },
    };
    uint32_t value = 0;
    if (!find_named(names, sizeof names / sizeof names[0], word, UINT8_MAX, &value)) {
        return rdata_bad(p, word, "is not an algorithm: a number from 0 to 255, or a name");
    }
    write_u8(p->out, (uint8_t)value);
    return true;
}

static bool parse_cert(struct rdata_parsing *p, const struct rdata_word *word)
{
    static const struct named names[] = {
        { 1, "PKIX" }, { 2, "SPKI" },   { 3, "PGP" },     { 4, "IPKIX" }, { 5, "ISPKI" },
        { 6, "IPGP" }, { 7, "ACPKIX" }, { 8, "IACPKIX" }, { 253, "URI" }, { 254, "OID" },
    };
    uint32_t value = 0;
    if (!find_named(names, sizeof names / sizeof names[0], word, UINT16_MAX, &value)) {
        return rdata_bad(p, word, "is not a certificate type: a number from 0 to 65535, or a name");
    }
    write_u16(p->out, (uint16_t)value);
    return true;
}

static bool parse_address(struct rdata_parsing *p, const struct rdata_word *word, int family)
{
    char text[64] = "";
    uint8_t octets[16];
    if (word->quoted || word->len >= sizeof text) {
        return rdata_bad(p, word, "is not an IP address");
    }
    memcpy(text, word->text, word->len);
    if (inet_pton(family, text, octets) != 1) {
        return rdata_bad(p, word,
                         family == AF_INET ? "is not an IPv4 address" : "is not an IPv6 address");
    }
    write_octets(p->out, octets, family == AF_INET ? 4 : 16);
    return true;
}

bool rdata_parse_ipv4(struct rdata_parsing *p, const struct rdata_word *word)
{
    return parse_address(p, word, AF_INET);
}

bool rdata_parse_ipv6(struct rdata_parsing *p, const struct rdata_word *word)
{
    return parse_address(p, word, AF_INET6);
}

bool rdata_parse_name(struct rdata_parsing *p, const struct rdata_word *word)
{
    struct dname name;
    if (!rdata_name_parse(&name, word, p->origin)) {
        return rdata_bad(p, word, "is not a domain name");
    }
    dname_write(p->out, &name);
    return true;
}

static bool parse_string(struct rdata_parsing *p, const struct rdata_word *word)
{
    uint8_t octets[UINT8_MAX];
    size_t len = 0;
    if (!rdata_unescape(word, octets, sizeof octets, &len)) {
        return rdata_bad(p, word,
                         "is not a string: it has at most 255 octets, and \\ in it begins \\\", "
                         "\\\\ or \\000 to \\255");
    }
    write_u8(p->out, (uint8_t)len);
    write_octets(p->out, octets, len);
    return true;
}

static bool parse_value(struct rdata_parsing *p, const struct rdata_word *word)
{
    size_t len = 0;
    size_t room = p->out->failed ? 0 : p->out->len - p->out->at;
    if (!rdata_unescape(word, p->out->data + p->out->at, room, &len)) {
        return rdata_bad(p, word, "is not a string: \\ in it begins \\\", \\\\ or \\000 to \\255");
    }
    p->out->at += len;
    return true;
}

/* Joins the word and all that follow; the caller frees the result. */
static char *join_words(struct rdata_parsing *p, const struct rdata_word *word, size_t *len)
{
    struct rdata_word next = *word;
    char *joined = xmalloc(word->len + strlen(p->at) + 1);
    *len = 0;
    do {
        memcpy(joined + *len, next.text, next.len);
        *len += next.len;
    } while (rdata_word(&p->at, &next));
    return joined;
}

static bool parse_hex(struct rdata_parsing *p, const struct rdata_word *word)
{
    size_t len = 0;
    char *joined = join_words(p, word, &len);
    bool good = len > 0 && rdata_hex(p->out, joined, len);
    free(joined);
    return good ||
           rdata_bad(p, word, "is not the start of a hexadecimal string, two digits an octet");
}

static bool parse_nsap(struct rdata_parsing *p, const struct rdata_word *word)
{
    char text[512];
    size_t len = 0;
    bool good = word->len > 2 && word->len < sizeof text && strncasecmp(word->text, "0x", 2) == 0;
    for (size_t i = 2; good && i < word->len; i++) {
        text[len] = word->text[i];
        len += text[len] != '.';
    }
    return (good && len > 0 && rdata_hex(p->out, text, len)) ||
           rdata_bad(p, word, "is not an NSAP address such as 0x47.0005.80");
}

static bool parse_base64(struct rdata_parsing *p, const struct rdata_word *word)
{
    size_t len = 0;
    char *joined = join_words(p, word, &len);
    bool good = rdata_base64(p->out, joined, len);
    free(joined);
    return good || rdata_bad(p, word, "is not the start of a base64 string");
}

static bool parse_loc(struct rdata_parsing *p, const struct rdata_word *word)
{
    p->at = word->text - word->quoted;
    return rdata_loc_parse(p);
}

static rdata_parse_field *parser_of(char kind)
{
    static const struct {
        char kind;
        rdata_parse_field *parse;
    } list[] = {
        { FIELD_U8, parse_u8 },
        { FIELD_U16, parse_u16 },
        { FIELD_U32, parse_u32 },
        { FIELD_PERIOD, parse_period },
        { FIELD_TIME, parse_time },
        { FIELD_TYPE, parse_type },
        { FIELD_ALGORITHM, parse_algorithm },
        { FIELD_CERT, parse_cert },
        { FIELD_IPV4, rdata_parse_ipv4 },
        { FIELD_IPV6, rdata_parse_ipv6 },
        { FIELD_NAME, rdata_parse_name },
        { FIELD_NAME_AS_IS, rdata_parse_name },
        { FIELD_STRING, parse_string },
        { FIELD_VALUE, parse_value },
        { FIELD_URI, parse_value },
        { FIELD_TAG, parse_string },
        { FIELD_HEX, parse_hex },
        { FIELD_SERVICES, rdata_parse_services },
        { FIELD_NSAP, parse_nsap },
        { FIELD_BASE64, parse_base64 },
        { FIELD_SALT, rdata_parse_salt },
        { FIELD_HASH, rdata_parse_hash },
        { FIELD_BITMAP, rdata_parse_bitmap },
        { FIELD_EUI48, rdata_parse_eui48 },
        { FIELD_EUI64, rdata_parse_eui64 },
        { FIELD_LOCATOR, rdata_parse_locator },
        { FIELD_LOC, parse_loc },
        { FIELD_PREFIX, rdata_parse_prefix },
        { FIELD_PARAMETER, rdata_parse_parameter },
        { FIELD_HIT, rdata_parse_hit },
        { FIELD_RELAY, rdata_parse_relay },
        { FIELD_GATEWAY, rdata_parse_gateway },
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (list[i].kind == kind) {
            return list[i].parse;
        }
    }
    return NULL;
}

/* ---- whole rdata ---- */

static bool missing(struct rdata_parsing *p)
{
    (void)diag_fail(p->why, RESULT_INVALID, "the record ends too early");
    return false;
}

/* \# <length> <hex> (RFC 3597 5). */
static bool parse_octets(struct rdata_parsing *p)
{
    struct rdata_word length, hex;
    uint32_t len = 0;
    if (!rdata_word(&p->at, &length)) {
        return missing(p);
    }
    if (!rdata_number(&len, length.text, length.len, RDATA_MAX)) {
        return rdata_bad(p, &length, "is not a length from 0 to 65535");
    }
    if (rdata_word(&p->at, &hex) && !parse_hex(p, &hex)) {
        return false;
    }
    return p->out->at - p->begin == len ||
           rdata_bad(p, &length, "is not the number of octets after it");
}

static bool parse_fields(struct rdata_parsing *p, const struct rdata_type *type)
{
    struct rdata_word word;
    for (const char *field = type->fields; *field != 0; field++) {
        bool repeats = field[1] == '*' || field[1] == '+';
        bool may_be_missing = field[1] == '?' || field[1] == '*' || *field == FIELD_BITMAP;
        bool any = false;
        while ((!any || repeats) && rdata_word(&p->at, &word)) {
            if (!parser_of(*field)(p, &word)) {
                return false;
            }
            any = true;
        }
        if (!any && !may_be_missing) {
            return missing(p);
        }
        field += repeats || field[1] == '?';
    }
    return !rdata_word(&p->at, &word) || rdata_bad(p, &word, "is more than the type takes");
}

static bool is_octets(struct rdata_parsing *p)
{
    const char *at = p->at + strspn(p->at, " ");
    if (strncmp(at, "\\#", 2) != 0 || (at[2] != ' ' && at[2] != 0)) {
        return false;
    }
    p->at = at + 2;
    return true;
}

static bool parse_all(struct rdata_parsing *p, uint16_t type)
{
    const struct rdata_type *known = rdata_type_of(type);
    bool octets = is_octets(p);
    bool good = false;
    if (!octets && (known == NULL || (known->traits & RDATA_NO_TEXT) != 0)) {
        (void)diag_fail(p->why, RESULT_INVALID,
                        "the data of this type is known as octets only: \\# <length> <hex>");
        return false;
    }
    good = octets ? parse_octets(p) : parse_fields(p, known);
    if (good && !octets && known->rule == rdata_svcb_check) {
        good = rdata_svcb_order(p);
    }
    if (good &&
        (p->out->failed || !rdata_check(type, p->out->data + p->begin, p->out->at - p->begin))) {
        (void)diag_fail(p->why, RESULT_INVALID, "the data is not what its type says, or too long");
        return false;
    }
    return good;
}

enum result rdata_parse(uint16_t type, const char *text, const struct dname *origin,
                        struct writer *out, struct diag *why)
{
    struct rdata_parsing p = {
        .at = text, .origin = origin, .out = out, .begin = out->at, .why = why
    };
    size_t mark = wire_mark(out);
    if (!parse_all(&p, type)) {
        wire_rollback(out, mark);
        return RESULT_INVALID;
    }
    rdata_lower(type, out->data + p.begin, out->at - p.begin);
    return RESULT_OK;
}
