/* Ticks of an axis of time: round hours, days or months in UTC. Pure. */
#ifndef TOOLS_TIMETICKS_H
#define TOOLS_TIMETICKS_H

#include <stdint.h>

enum {
    TIMETICKS_ROOM = 16
};

/* The step between ticks in seconds, so that a span of time has at most `most` of them, or a few.
 * Steps from TIMETICKS_MONTH_S on are months of different length. */
enum {
    TIMETICKS_MONTH_S = 28 * 86400
};
uint64_t timeticks_step(uint64_t span_s, unsigned most);
/* The first tick after `at`; UINT64_MAX if the calendar does not reach it. */
uint64_t timeticks_next(uint64_t at, uint64_t step);
/* The hour; at midnight, the day; in a long chart, the month, and of a year's first tick the
 * year. Returns `out`. */
char *timeticks_text(char out[TIMETICKS_ROOM], uint64_t at, uint64_t step);

#endif
