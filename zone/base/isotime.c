#include "zone/base/isotime.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define DATE   "%Y-%m-%d"
/* The end of the year 9999. */
#define ISOTIME_LAST UINT64_C(253402300799)

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
    return at != 0 && at <= ISOTIME_LAST ? isotime_text(at, out) : memcpy(out, "-", 2);
}

/* strptime and timegm also take spaces, days without a zero, and the 30th of February. */
static enum result parse(const char *text, const char *format, uint64_t *out)
{
    char again[ISOTIME_ROOM];
    struct tm tm = { .tm_sec = 0 };
    const char *end = strptime(text, format, &tm);
    time_t at = end != NULL && *end == '\0' ? timegm(&tm) : -1;
    if (at < 0 || strncmp(isotime_text((uint64_t)at, again), text, strlen(text)) != 0) {
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
