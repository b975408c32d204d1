#include "zone/registry/duration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR 3600u
#define DAY  (24u * HOUR)

enum result duration_parse(uint32_t *out_s, const char *text)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', HOUR }, { 'd', DAY }, { 'w', 7 * DAY } };
    if (*text < '0' || *text > '9') {
        return RESULT_INVALID;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    uint32_t factor = 1;
    if (*end != '\0') {
        factor = 0;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
            if (*end == units[i].unit && end[1] == '\0') {
                factor = units[i].seconds;
            }
        }
    }
    if (errno != 0 || factor == 0 || value > UINT32_MAX / factor) {
        return RESULT_INVALID;
    }
    *out_s = (uint32_t)value * factor;
    return RESULT_OK;
}

char *duration_text(uint32_t s, char *out)
{
    if (s > 0 && s % DAY == 0) {
        (void)snprintf(out, 16, "%ud", s / DAY);
    } else if (s > 0 && s % HOUR == 0) {
        (void)snprintf(out, 16, "%uh", s / HOUR);
    } else if (s > 0 && s % 60 == 0) {
        (void)snprintf(out, 16, "%um", s / 60);
    } else {
        (void)snprintf(out, 16, "%us", s);
    }
    return out;
}
