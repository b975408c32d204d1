/* LOC: a location on earth (RFC 1876). */
#include <stdio.h>

#include "zone/names/rdata_private.h"

enum {
    EQUATOR = 0x7fffffff,     /* plus 1: the equator, in thousandths of a second of arc */
    ALTITUDE_BASE = 10000000, /* centimetres below the reference spheroid */
    DEGREE = 3600000,
    SIZE_PRESET = 0x12,       /* 1 m */
    HORIZONTAL_PRESET = 0x16, /* 10 km */
    VERTICAL_PRESET = 0x13    /* 10 m */
};

/* Mantissa and power of ten, in centimetres, one digit each. */
static bool size_is_good(uint8_t size)
{
    return size >> 4 <= 9 && (size & 15) <= 9;
}

static bool angle_is_good(uint32_t angle, uint32_t most)
{
    int64_t from_zero = (int64_t)angle - EQUATOR - 1;
    return from_zero <= (int64_t)most && from_zero >= -(int64_t)most;
}

bool rdata_loc_check(const uint8_t *rdata)
{
    if (rdata == NULL) {
        return false;
    }
    struct reader r = reader_of(rdata, 12);
    uint8_t version = read_u8(&r);
    bool good = version == 0;
    for (unsigned i = 0; i < 3; i++) {
        good = good & size_is_good(read_u8(&r));
    }
    good = good & angle_is_good(read_u32(&r), 90U * DEGREE);
    return good & angle_is_good(read_u32(&r), 180U * DEGREE);
}

/* Parses a number with up to `places` decimals and an optional `m`, in units of the last
 * decimal. */
static bool parse_decimal(int64_t *out, const struct rdata_word *word, unsigned places, bool metres)
{
    size_t len = word->len;
    size_t at = 0;
    int64_t value = 0;
    unsigned behind = 0;
    bool digits = false;
    bool point = false;
    bool minus = len > 0 && word->text[0] == '-';
    len -= metres && len > 0 && word->text[len - 1] == 'm';
    for (at = minus; at < len; at++) {
        char c = word->text[at];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || value > 100000000000 || (point && behind == places)) {
            return false;
        }
        value = value * 10 + (c - '0');
        digits = true;
        behind += point;
    }
    for (; behind < places; behind++) {
        value *= 10;
    }
    *out = minus ? -value : value;
    return digits;
}

static bool is_letter(const struct rdata_word *word, char letter)
{
    return word->len == 1 && (word->text[0] & ~0x20) == letter;
}

/* Parses degrees, minutes and seconds, then the hemisphere. */
static bool parse_angle(struct rdata_parsing *p, char positive, char negative, uint32_t most)
{
    struct rdata_word word = { "", 0, false };
    int64_t angle = 0;
    int64_t unit = DEGREE;
    unsigned parts = 0;
    while (rdata_word(&p->at, &word) && !is_letter(&word, positive) &&
           !is_letter(&word, negative)) {
        int64_t value = 0;
        if (parts == 3 || !parse_decimal(&value, &word, parts == 2 ? 3 : 0, false) || value < 0 ||
            (parts > 0 && value >= (parts == 2 ? 60000 : 60))) {
            return rdata_bad(p, &word, "is not part of an angle");
        }
        angle += parts == 2 ? value : value * unit;
        unit /= 60;
        parts++;
    }
    if (parts == 0 || word.len != 1 ||
        (!is_letter(&word, positive) && !is_letter(&word, negative)) || angle > most) {
        return rdata_bad(p, &word, "does not end an angle");
    }
    int64_t coded = (int64_t)EQUATOR + 1 + (is_letter(&word, positive) ? angle : -angle);
    write_u32(p->out, (uint32_t)coded);
    return true;
}

/* Parses metres into one digit and a power of ten, if there is a word. */
static bool parse_size(struct rdata_parsing *p, uint8_t *size)
{
    struct rdata_word word;
    int64_t value = 0;
    uint8_t power = 0;
    if (!rdata_word(&p->at, &word)) {
        return true;
    }
    if (!parse_decimal(&value, &word, 2, true) || value < 0 || value > 9000000000) {
        return rdata_bad(p, &word, "is not a size from 0 to 90000000.00m");
    }
    for (; value > 9; value /= 10) {
        power++;
    }
    *size = (uint8_t)(value << 4 | power);
    return true;
}

bool rdata_loc_parse(struct rdata_parsing *p)
{
    uint8_t sizes[] = { SIZE_PRESET, HORIZONTAL_PRESET, VERTICAL_PRESET };
    struct rdata_word word = { "", 0, false };
    int64_t altitude = 0;
    write_u8(p->out, 0);
    size_t at = p->out->at;
    write_octets(p->out, sizes, sizeof sizes);
    if (!parse_angle(p, 'N', 'S', 90U * DEGREE) || !parse_angle(p, 'E', 'W', 180U * DEGREE)) {
        return false;
    }
    if (!rdata_word(&p->at, &word) || !parse_decimal(&altitude, &word, 2, true) ||
        altitude < -ALTITUDE_BASE || altitude > (int64_t)UINT32_MAX - ALTITUDE_BASE) {
        return rdata_bad(p, &word, "is not an altitude from -100000.00m to 42849672.95m");
    }
    write_u32(p->out, (uint32_t)(altitude + ALTITUDE_BASE));
    for (size_t i = 0; i < sizeof sizes; i++) {
        if (!parse_size(p, &sizes[i])) {
            return false;
        }
    }
    if (!p->out->failed) {
        memcpy(p->out->data + at, sizes, sizeof sizes);
    }
    return true;
}

static void print_angle(FILE *file, uint32_t coded, char positive, char negative)
{
    int64_t angle = (int64_t)coded - EQUATOR - 1;
    uint32_t size = (uint32_t)(angle < 0 ? -angle : angle);
    (void)fprintf(file, "%u %u %u.%03u %c ", size / DEGREE, size / 60000 % 60, size / 1000 % 60,
                  size % 1000, angle < 0 ? negative : positive);
}

static void print_metres(FILE *file, int64_t centimetres, const char *after)
{
    int64_t size = centimetres < 0 ? -centimetres : centimetres;
    (void)fprintf(file, "%s%lld.%02lldm%s", centimetres < 0 ? "-" : "", (long long)(size / 100),
                  (long long)(size % 100), after);
}

void rdata_loc_print(FILE *file, const uint8_t *rdata)
{
    struct reader r = reader_of(rdata + 4, 12);
    print_angle(file, read_u32(&r), 'N', 'S');
    print_angle(file, read_u32(&r), 'E', 'W');
    print_metres(file, (int64_t)read_u32(&r) - ALTITUDE_BASE, " ");
    for (unsigned i = 1; i <= 3; i++) {
        int64_t size = rdata[i] >> 4;
        for (unsigned power = rdata[i] & 15; power > 0; power--) {
            size *= 10;
        }
        print_metres(file, size, i < 3 ? " " : "");
    }
}
