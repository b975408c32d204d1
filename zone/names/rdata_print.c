#include <arpa/inet.h>
#include <stdlib.h>

#include <sodium.h>

#include "zone/base/escape.h"
#include "zone/names/rdata_private.h"

static void put_hex(FILE *file, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        (void)fprintf(file, "%02x", data[i]);
    }
}

void rdata_put_base64(FILE *file, const uint8_t *data, size_t len)
{
    size_t room = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    char *text = xmalloc(room);
    (void)fputs(sodium_bin2base64(text, room, data, len, sodium_base64_VARIANT_ORIGINAL), file);
    free(text);
}

void rdata_put_quoted(FILE *file, const uint8_t *data, size_t len)
{
    (void)fputc('"', file);
    for (size_t i = 0; i < len; i++) {
        char text[ESCAPE_MAX + 1];
        (void)fwrite(text, 1, (size_t)(escape_write(text, data[i], "\"\\") - text), file);
    }
    (void)fputc('"', file);
}

static void put_name(FILE *file, const uint8_t *data, size_t len)
{
    char text[DNAME_TEXT_MAX];
    struct dname name = { .len = (uint8_t)len };
    memcpy(name.wire, data, len);
    (void)fputs(dname_text(&name, text), file);
}

static void put_address(FILE *file, int family, const uint8_t *data)
{
    char text[INET6_ADDRSTRLEN];
    (void)fputs(inet_ntop(family, data, text, sizeof text), file);
}

static void put_number(FILE *file, const uint8_t *data, size_t len)
{
    uint32_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | data[i];
    }
    (void)fprintf(file, "%u", value);
}

/* Two digits. */
static void put_pair(char *out, unsigned value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
}

/* RFC 4034 3.2. gmtime_r takes a lock that all threads of a signed export would wait for. Years
 * begin in March here: so the leap day is the last, and month lengths repeat every five months. */
static void put_time(FILE *file, const uint8_t *data)
{
    enum {
        TO_1970 = 719468, /* days from 1 March of the year 0 */
        DAYS_4 = 1461,    /* in 4 years, 100 years and 400 years */
        DAYS_100 = 36524,
        DAYS_400 = 146097
    };
    struct reader r = reader_of(data, 4);
    uint32_t time = read_u32(&r);
    uint32_t all = time / 86400 + TO_1970, second = time % 86400;
    uint32_t in_400 = all % DAYS_400;
    uint32_t year =
        (in_400 - in_400 / (DAYS_4 - 1) + in_400 / DAYS_100 - in_400 / (DAYS_400 - 1)) / 365;
    uint32_t day = in_400 - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * day + 2) / 153; /* 0: March */
    day -= (153 * month + 2) / 5;
    year += all / DAYS_400 * 400 + (month >= 10);
    const unsigned parts[] = { year / 100, year % 100,    month < 10 ? month + 3 : month - 9,
                               day + 1,    second / 3600, second / 60 % 60,
                               second % 60 };
    char text[14];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        put_pair(text + 2 * i, parts[i]);
    }
    (void)fwrite(text, 1, sizeof text, file);
}

static void put_type(FILE *file, unsigned type)
{
    char text[RDATA_TYPE_ROOM];
    (void)fputs(rdata_type_text((uint16_t)type, text), file);
}

static void put_bitmap(FILE *file, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    for (bool first = true; reader_left(&r) > 0;) {
        unsigned window = read_u8(&r);
        unsigned count = read_u8(&r) * 8U;
        const uint8_t *bits = read_octets(&r, count / 8);
        for (unsigned i = 0; bits != NULL && i < count; i++) {
            if ((bits[i / 8] & 0x80 >> i % 8) != 0) {
                (void)fputs(first ? "" : " ", file);
                put_type(file, window << 8 | i);
                first = false;
            }
        }
    }
}

static void put_hash(FILE *file, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    unsigned bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | data[i]) & 0xfff;
        for (have += 8; have >= 5; have -= 5) {
            (void)fputc(digits[bits >> (have - 5) & 31], file);
        }
    }
    if (have > 0) {
        (void)fputc(digits[bits << (5 - have) & 31], file);
    }
}

/* Octets in hex, with hyphens between them. */
static void put_eui(FILE *file, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        (void)fprintf(file, "%s%02x", i > 0 ? "-" : "", data[i]);
    }
}

static void put_locator(FILE *file, const uint8_t *data)
{
    for (size_t i = 0; i < 8; i += 2) {
        (void)fprintf(file, "%s%02x%02x", i > 0 ? ":" : "", data[i], data[i + 1]);
    }
}

/* RFC 3123 5. */
static void put_prefix(FILE *file, const uint8_t *data, size_t len)
{
    uint8_t octets[16] = { 0 };
    memcpy(octets, data + 4, len - 4);
    (void)fprintf(file, "%s%u:", (data[3] & 0x80) != 0 ? "!" : "", data[1]);
    put_address(file, data[1] == 1 ? AF_INET : AF_INET6, octets);
    (void)fprintf(file, "/%u", data[2]);
}

static void put_salt(FILE *file, const uint8_t *data, size_t len)
{
    if (len == 1) {
        (void)fputc('-', file);
    } else {
        put_hex(file, data + 1, len - 1);
    }
}

static void put_gateway(FILE *file, const struct rdata_field *field, const uint8_t *rdata)
{
    switch (rdata[1] & 0x7f) {
    case 0:
        (void)fputc('.', file);
        break;
    case 1:
        put_address(file, AF_INET, field->data);
        break;
    case 2:
        put_address(file, AF_INET6, field->data);
        break;
    default:
        put_name(file, field->data, field->len);
    }
}

static void put_field(FILE *file, const struct rdata_field *field, const uint8_t *rdata)
{
    const uint8_t *data = field->data;
    size_t len = field->len;
    switch (field->kind) {
    case FIELD_TIME:
        put_time(file, data);
        break;
    case FIELD_TYPE:
        put_type(file, (unsigned)data[0] << 8 | data[1]);
        break;
    case FIELD_IPV4:
        put_address(file, AF_INET, data);
        break;
    case FIELD_IPV6:
        put_address(file, AF_INET6, data);
        break;
    case FIELD_NAME:
    case FIELD_NAME_AS_IS:
        put_name(file, data, len);
        break;
    case FIELD_STRING:
        rdata_put_quoted(file, data + 1, len - 1);
        break;
    case FIELD_VALUE:
    case FIELD_URI:
        rdata_put_quoted(file, data, len);
        break;
    case FIELD_TAG:
        (void)fwrite(data + 1, 1, len - 1, file);
        break;
    case FIELD_HEX:
        put_hex(file, data, len);
        break;
    case FIELD_BASE64:
        rdata_put_base64(file, data, len);
        break;
    case FIELD_SALT:
        put_salt(file, data, len);
        break;
    case FIELD_HASH:
        put_hash(file, data + 1, len - 1);
        break;
    case FIELD_BITMAP:
        put_bitmap(file, data, len);
        break;
    case FIELD_EUI48:
    case FIELD_EUI64:
        put_eui(file, data, len);
        break;
    case FIELD_LOCATOR:
        put_locator(file, data);
        break;
    case FIELD_LOC:
        rdata_loc_print(file, data);
        break;
    case FIELD_PREFIX:
        put_prefix(file, data, len);
        break;
    case FIELD_PARAMETER:
        rdata_parameter_print(file, data, len);
        break;
    case FIELD_GATEWAY:
        put_gateway(file, field, rdata);
        break;
    default:
        put_number(file, data, len);
    }
}

/* RFC 3597 5. */
static void put_octets(FILE *file, const uint8_t *rdata, size_t len)
{
    (void)fprintf(file, len > 0 ? "\\# %zu " : "\\# %zu", len);
    put_hex(file, rdata, len);
}

/* True if all name servers can read the text of its fields. */
static bool is_plain(const struct rdata_type *type, const uint8_t *rdata, size_t len)
{
    struct rdata_field field;
    struct rdata_fields fields = rdata_fields_of(type, rdata, len);
    bool plain = (type->traits & RDATA_RARE) == 0;
    while (plain && rdata_next(&fields, &field)) {
        for (size_t i = 1; field.kind == FIELD_TAG && i < field.len; i++) {
            plain = plain && (field.data[i] < 'A' || field.data[i] > 'Z'); /* NSD */
        }
        plain = plain &&
                (field.kind != FIELD_PARAMETER || rdata_parameter_is_plain(field.data, field.len));
    }
    return plain;
}

void rdata_print(FILE *file, uint16_t type, const uint8_t *rdata, size_t len)
{
    const struct rdata_type *known = rdata_type_of(type);
    struct rdata_field field;
    if (len == 0 || known == NULL || known->fields == NULL || !rdata_check(type, rdata, len) ||
        !is_plain(known, rdata, len)) {
        put_octets(file, rdata, len);
        return;
    }
    struct rdata_fields fields = rdata_fields_of(known, rdata, len);
    for (bool first = true; rdata_next(&fields, &field); first = false) {
        (void)fputs(first ? "" : " ", file);
        put_field(file, &field, rdata);
    }
}
