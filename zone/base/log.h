/* Log lines of the daemons. Where stderr is systemd's journal, lines go to its socket, with fields
 * (zone/base/journald.h). If that fails they go to stderr, each with its priority in front
 * (sd-daemon(3)). Elsewhere they go to stderr with time and program. */
#ifndef ZONE_LOG_H
#define ZONE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#include "zone/base/journald.h"
#include "zone/base/result.h"

enum {
    LOG_LINE_MAX = 8192, /* longer ones are cut */
    LOG_WINDOW_LINES = 10,
    LOG_WINDOW_MS = 3600 * 1000,
    LOG_NOTE_ROOM = 64
};

#define LOG_LEVELS       "error, warning, notice, info, debug"
#define LOG_LEVEL_PRESET "info"

/* Lines that are less urgent than `level`, one of LOG_LEVELS, are no longer written. USAGE if it is
 * another. */
enum result log_level_set(const char *level, struct diag *diag);
/* True if lines of that priority are written. For those that take work to make. */
bool log_is_wanted(int priority);

/* Connects to the journal if stderr is its stream. Once, before the sandbox. */
void log_open(void);

/* Writes one line; `priority` is syslog's, `fields` may be NULL. What is not printable is escaped,
 * so that no text from the network starts a line of its own. A line that is cut ends in "...". A
 * reader that hangs does not block the daemon: after a moment the line is dropped. The number of
 * dropped lines is logged before the next line that gets through. */
void log_write(const char *program, int priority, const struct log_fields *fields,
               const char *text);

/* Formats a text; one that is cut ends in "...". `room` is 4 or more. Returns the length. */
size_t log_format(char *out, size_t room, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* The program's function that logs the lines of a module: log_write with its name. */
typedef void log_sink(int priority, const struct log_fields *fields, const char *text);

/* Formats a line and gives it to the sink, if lines of that priority are written. */
void log_say(log_sink *log, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_say_about(log_sink *log, int priority, const struct log_fields *fields, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

/* Bounds the lines about one fact that others can change at will. Starts as { 0 }. */
struct log_limit {
    uint64_t began_ms;
    unsigned lines, left_out; /* since then; since the last line */
    bool owes;                /* the last change was left out */
};
/* To be called whenever the fact is seen. True if it is to be logged now: it `changed`, or its last
 * change was left out, and the window has room for another line. */
bool log_limit_admits(struct log_limit *limit, bool changed);
/* What to append to an admitted line: how many changes were left out before it, or nothing. */
const char *log_limit_note(struct log_limit *limit, char out[LOG_NOTE_ROOM]);

/* A trouble that is logged once until it changes or is over, within a limit. Starts as { 0 }. */
struct log_once {
    struct diag last; /* empty: no trouble */
    bool told;        /* the last line was about a trouble */
    struct log_limit limit;
};
/* Logs the trouble if it is another than before. `fields` may be NULL. */
void log_once(struct log_once *once, log_sink *log, int priority, const struct log_fields *fields,
              const char *format, ...) __attribute__((format(printf, 5, 6)));
bool log_once_is_on(const struct log_once *once);
/* There is no trouble. Logs `text` as a notice if the last line was about one. */
void log_once_over(struct log_once *once, log_sink *log, const char *text);
/* Something happened that ends a trouble and is worth a line in any case: logs it as a notice,
 * within the limit. */
void log_once_news(struct log_once *once, log_sink *log, const char *text);

/* Writes a whole line of ours as it is. Safe in a signal handler. */
void log_last(const char *line);

#endif
