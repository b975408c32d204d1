#include "zone/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "zone/clock.h"

void log_write(const char *program, int priority, const char *format, ...)
{
    char line[LOG_LINE_MAX], at[32] = "";
    time_t now = (time_t)clock_now();
    struct tm tm;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (getenv("JOURNAL_STREAM") != NULL) {
        (void)fprintf(stderr, "<%d>%s\n", priority, line);
        return;
    }
    if (gmtime_r(&now, &tm) != NULL) {
        (void)strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ ", &tm);
    }
    (void)fprintf(stderr, "%s%s: %s\n", at, program, line);
}
