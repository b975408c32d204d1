/* Parsing of rare fields. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

#include "zone/names/rdata_private.h"

bool rdata_parse_salt(struct rdata_parsing *p, const struct rdata_word *word)
{
    if (word->len == 1 && word->text[0] == '-') {
        write_u8(p->out, 0);
        return true;
    }
    write_u8(p->out, (uint8_t)(word->len / 2));
    return (word->len > 0 && word->len <= 2UL * UINT8_MAX &&
            rdata_hex(p->out, word->text, word->len)) ||
           rdata_bad(p, word, "is not a salt in hexadecimal digits, or -");
}

/* RFC 4648 7. */
bool rdata_parse_hash(struct rdata_parsing *p, const struct rdata_word *word)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    unsigned bits = 0;
    unsigned have = 0;
    write_u8(p->out, (uint8_t)(word->len * 5 / 8));
    for (size_t i = 0; i < word->len; i++) {
        char c = word->text[i];
        const char *digit = strchr(digits, c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        if (digit == NULL || c == 0 || word->len > 400) {
            return rdata_bad(p, word, "is not a hash in base32hex");
        }
        bits = (bits << 5 | (unsigned)(digit - digits)) & 0xfff;
        have += 5;
        if (have >= 8) {
            have -= 8;
            write_u8(p->out, (uint8_t)(bits >> have));
        }
    }
    return (word->len > 0 && have < 5 && (bits & ((1U << have) - 1)) == 0) ||
           rdata_bad(p, word, "is not a hash in base32hex");
}

static int compare_types(const void *a, const void *b)
{
    const uint16_t *x = a;
    const uint16_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* RFC 4034 4.1.2. */
static void put_bitmap(struct writer *out, const uint16_t *types, size_t count)
{
    for (size_t i = 0; i < count;) {
        unsigned window = types[i] >> 8;
        uint8_t bits[32] = { 0 };
        size_t len = 0;
        for (; i < count && types[i] >> 8 == window; i++) {
            unsigned bit = types[i] & 0xff;
            bits[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
            len = bit / 8 + 1;
        }
        write_u8(out, (uint8_t)window);
        write_u8(out, (uint8_t)len);
        write_octets(out, bits, len);
    }
}

bool rdata_parse_bitmap(struct rdata_parsing *p, const struct rdata_word *word)
{
    struct rdata_word next = *word;
    size_t count = 0;
    uint16_t *list = xcalloc(strlen(p->at) + 1, sizeof *list);
    bool good = true;
    do {
        good =
            rdata_find_type(&next, &list[count++]) || rdata_bad(p, &next, "is not a record type");
    } while (good && rdata_word(&p->at, &next));
    qsort(list, count, sizeof *list, compare_types);
    if (good) {
        put_bitmap(p->out, list, count);
    }
    free(list);
    return good;
}

/* Two digits per octet, with hyphens between octets. */
static bool parse_eui(struct rdata_parsing *p, const struct rdata_word *word, size_t octets)
{
    bool good = word->len == octets * 3 - 1;
    for (size_t i = 0; good && i < octets; i++) {
        good = rdata_hex(p->out, word->text + 3 * i, 2) &&
               (i + 1 == octets || word->text[3 * i + 2] == '-');
    }
    return good || rdata_bad(p, word,
                             octets == 6 ? "is not an address such as 00-00-5e-00-53-2a"
                                         : "is not an address such as "
                                           "00-00-5e-ef-10-00-00-2a");
}

bool rdata_parse_eui48(struct rdata_parsing *p, const struct rdata_word *word)
{
    return parse_eui(p, word, 6);
}

bool rdata_parse_eui64(struct rdata_parsing *p, const struct rdata_word *word)
{
    return parse_eui(p, word, 8);
}

/* Groups of up to four digits. */
bool rdata_parse_locator(struct rdata_parsing *p, const struct rdata_word *word)
{
    size_t at = 0;
    for (unsigned group = 0; group < 4; group++) {
        unsigned value = 0;
        size_t first = at;
        while (at < word->len && at < first + 4 && rdata_hex_digit(word->text[at]) >= 0) {
            value = value << 4 | (unsigned)rdata_hex_digit(word->text[at++]);
        }
        bool ends = group == 3 ? at == word->len : at < word->len && word->text[at] == ':';
        if (at == first || !ends) {
            return rdata_bad(p, word, "is not a locator such as 0014:4fff:ff20:ee64");
        }
        at++;
        write_u16(p->out, (uint16_t)value);
    }
    return true;
}

/* [!]family:address/prefix (RFC 3123 5). */
bool rdata_parse_prefix(struct rdata_parsing *p, const struct rdata_word *word)
{
    static const char what[] = "is not [!]1:ADDRESS/PREFIX of IPv4, or 2: of IPv6";
    bool negated = word->len > 0 && word->text[0] == '!';
    const char *at = word->text + negated;
    const char *end = word->text + word->len;
    const char *slash = memchr(at, '/', (size_t)(end - at));
    char text[64] = "";
    uint8_t octets[16];
    uint32_t bits = 0;
    if (word->quoted || end - at < 4 || at[1] != ':' || (at[0] != '1' && at[0] != '2') ||
        slash == NULL || slash - at - 2 >= (ptrdiff_t)sizeof text) {
        return rdata_bad(p, word, what);
    }
    size_t len = at[0] == '1' ? 4 : 16;
    memcpy(text, at + 2, (size_t)(slash - at - 2));
    if (inet_pton(len == 4 ? AF_INET : AF_INET6, text, octets) != 1 ||
        !rdata_number(&bits, slash + 1, (size_t)(end - slash - 1), (uint32_t)len * 8)) {
        return rdata_bad(p, word, what);
    }
    write_u16(p->out, len == 4 ? 1 : 2);
    write_u8(p->out, (uint8_t)bits);
    while (len > 0 && octets[len - 1] == 0) {
        len--;
    }
    write_u8(p->out, (uint8_t)(len | (negated ? 0x80U : 0)));
    write_octets(p->out, octets, len);
    return true;
}

/* In text: algorithm, tag, public key. On the wire: tag length, algorithm, key length, tag, key. */
bool rdata_parse_hit(struct rdata_parsing *p, const struct rdata_word *word)
{
    struct rdata_word tag, key;
    uint32_t algorithm = 0;
    if (!rdata_number(&algorithm, word->text, word->len, UINT8_MAX)) {
        return rdata_bad(p, word, "is not a number from 0 to 255");
    }
    if (!rdata_word(&p->at, &tag) || !rdata_word(&p->at, &key) || tag.len == 0 ||
        tag.len > 2UL * UINT8_MAX) {
        return rdata_bad(p, word, "is not followed by a host identity tag and a public key");
    }
    write_u8(p->out, (uint8_t)(tag.len / 2));
    write_u8(p->out, (uint8_t)algorithm);
    size_t length_at = p->out->at;
    write_u16(p->out, 0);
    if (!rdata_hex(p->out, tag.text, tag.len)) {
        return rdata_bad(p, &tag, "is not a tag in hexadecimal digits");
    }
    size_t key_at = p->out->at;
    if (!rdata_base64(p->out, key.text, key.len) || p->out->at - key_at > UINT16_MAX) {
        return rdata_bad(p, &key, "is not a public key in base64");
    }
    wire_put_u16(p->out->data + length_at, (uint16_t)(p->out->at - key_at));
    return true;
}

/* Two words make one octet. */
bool rdata_parse_relay(struct rdata_parsing *p, const struct rdata_word *word)
{
    struct rdata_word type;
    uint32_t discovery = 0;
    uint32_t value = 0;
    if (!rdata_number(&discovery, word->text, word->len, 1) || !rdata_word(&p->at, &type) ||
        !rdata_number(&value, type.text, type.len, 3)) {
        return rdata_bad(p, word, "is not 0 or 1 followed by a relay type from 0 to 3");
    }
    write_u8(p->out, (uint8_t)(discovery << 7 | value));
    return true;
}

bool rdata_parse_gateway(struct rdata_parsing *p, const struct rdata_word *word)
{
    switch (p->out->data[p->begin + 1] & 0x7f) {
    case 0:
        return (word->len == 1 && word->text[0] == '.') ||
               rdata_bad(p, word, "should be a dot, for no gateway");
    case 1:
        return rdata_parse_ipv4(p, word);
    case 2:
        return rdata_parse_ipv6(p, word);
    case 3:
        return rdata_parse_name(p, word);
    default:
        return rdata_bad(p, word, "has a gateway type that is not known");
    }
}

/* Protocol and ports are numbers; the two usual protocols have names. */
bool rdata_parse_services(struct rdata_parsing *p, const struct rdata_word *word)
{
    uint8_t bits[65536 / 8] = { 0 };
    size_t len = 0;
    uint32_t value = 0;
    struct rdata_word port;
    if (word->len == 3 && strncasecmp(word->text, "tcp", 3) == 0) {
        value = 6;
    } else if (word->len == 3 && strncasecmp(word->text, "udp", 3) == 0) {
        value = 17;
    } else if (!rdata_number(&value, word->text, word->len, UINT8_MAX)) {
        return rdata_bad(p, word, "is not a protocol: tcp, udp or a number from 0 to 255");
    }
    write_u8(p->out, (uint8_t)value);
    while (rdata_word(&p->at, &port)) {
        if (!rdata_number(&value, port.text, port.len, UINT16_MAX)) {
            return rdata_bad(p, &port, "is not a port: a number from 0 to 65535");
        }
        bits[value / 8] |= (uint8_t)(0x80 >> value % 8);
        len = value / 8 + 1 > len ? value / 8 + 1 : len;
    }
    write_octets(p->out, bits, len);
    return true;
}
