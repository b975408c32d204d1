#include "tools/site/timeticks.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
    HOUR_S = 3600,
    DAY_S = 86400
};

uint64_t timeticks_step(uint64_t span_s, unsigned most)
{
    static const uint64_t steps[] = { 900,
                                      HOUR_S,
                                      (uint64_t)3 * HOUR_S,
                                      (uint64_t)6 * HOUR_S,
                                      (uint64_t)12 * HOUR_S,
                                      DAY_S,
                                      (uint64_t)7 * DAY_S,
                                      TIMETICKS_MONTH_S,
                                      (uint64_t)2 * TIMETICKS_MONTH_S,
                                      (uint64_t)3 * TIMETICKS_MONTH_S };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        /* a month with its year takes more room than a day */
        unsigned fit = steps[i] < TIMETICKS_MONTH_S ? most : most * 3 / 4;
        if (span_s / steps[i] <= fit) {
            return steps[i];
        }
    }
    return (uint64_t)6 * TIMETICKS_MONTH_S;
}

uint64_t timeticks_next(uint64_t at, uint64_t step)
{
    time_t time = (time_t)at;
    struct tm tm;
    if (step < TIMETICKS_MONTH_S) {
        return at > UINT64_MAX - step ? UINT64_MAX : (at / step + 1) * step;
    }
    if (at > INT64_MAX || gmtime_r(&time, &tm) == NULL) {
        return UINT64_MAX;
    }
    struct tm next = { .tm_year = tm.tm_year,
                       .tm_mon = tm.tm_mon + (int)(step / TIMETICKS_MONTH_S),
                       .tm_mday = 1 };
    time_t found = timegm(&next);
    return found > time ? (uint64_t)found : UINT64_MAX;
}

char *timeticks_text(char out[TIMETICKS_ROOM], uint64_t at, uint64_t step)
{
    time_t time = (time_t)at;
    struct tm tm;
    size_t len = 0;
    if (at <= INT64_MAX && gmtime_r(&time, &tm) != NULL) {
        bool long_step = step >= TIMETICKS_MONTH_S, midnight = at % DAY_S == 0;
        bool new_year = tm.tm_mon < (int)(step / TIMETICKS_MONTH_S); /* its first tick */
        len = long_step  ? strftime(out, TIMETICKS_ROOM, new_year ? "%b %Y" : "%b", &tm)
              : midnight ? strftime(out, TIMETICKS_ROOM, "%d %b", &tm)
                         : strftime(out, TIMETICKS_ROOM, "%H:%M", &tm);
    }
    out[len] = 0;
    return out;
}
