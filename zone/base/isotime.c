#include "zone/base/isotime.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define DATE   "%Y-%m-%d"

char *isotime_text(uint64_t at, char out[ISOTIME_ROOM])
{
    time_t seconds = (time_t)at;
    struct tm tm;
    if (at > INT64_MAX || gmtime_r(&seconds, &tm) == NULL ||
        strftime(out, ISOTIME_ROOM, FORMAT, &tm) == 0) {
        (void)snprintf(out, ISOTIME_ROOM, "%" PRIu64, at);
    }
    return out;
}

char *isotime_or_dash(uint64_t at, char out[ISOTIME_ROOM])
{
    bool known = at != 0 && at <= INT32_MAX * UINT64_C(100);
    return known ? isotime_text(at, out) : memcpy(out, "-", 2);
}

static enum result parse(const char *text, const char *format, uint64_t *out)
{
    struct tm tm = { .tm_sec = 0 };
    const char *end = strptime(text, format, &tm);
    time_t at = end != NULL && *end == '\0' ? timegm(&tm) : -1;
    if (at < 0) {
        return RESULT_INVALID;
    }
    *out = (uint64_t)at;
    return RESULT_OK;
}

enum result isotime_parse(const char *text, uint64_t *out)
{
    return parse(text, FORMAT, out);
}

enum result isotime_parse_day(const char *text, uint64_t *out)
{
    return parse(text, FORMAT, out) == RESULT_OK ? RESULT_OK : parse(text, DATE, out);
}
