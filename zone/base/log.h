/* Log lines of the daemons, on stderr. Under systemd's journal a line begins with its priority
 * (sd-daemon(3)), and the journal adds time and program. Otherwise the line has both.
 *
 * The journal's native protocol would carry fields as well. But stderr is open from the start, and
 * works in whatever sandbox the daemon enters later. */
#ifndef ZONE_LOG_H
#define ZONE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#include "zone/base/result.h"

enum {
    LOG_LINE_MAX = 8192, /* longer ones are cut */
    LOG_WINDOW_LINES = 10,
    LOG_WINDOW_MS = 3600 * 1000,
    LOG_NOTE_ROOM = 64
};

#define LOG_LEVELS       "error, warning, notice, info, debug"
#define LOG_LEVEL_PRESET "info"

/* Lines that are less urgent than `level`, one of LOG_LEVELS, are no longer written. INVALID if it
 * is another. */
enum result log_level_set(const char *level);
/* True if lines of that priority are written. For those that take work to make. */
bool log_is_wanted(int priority);

/* Writes one line; `priority` is syslog's. What is not printable is escaped, so that no text from
 * the network starts a line of its own. A line that is cut ends in "...". A reader of stderr that
 * hangs does not block the daemon: after a moment the line is dropped. The number of dropped lines
 * is logged before the next line that gets through. */
void log_write(const char *program, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Formats a text; one that is cut ends in "...". `room` is 4 or more. Returns the length. */
size_t log_format(char *out, size_t room, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* The program's function that logs the lines of a module. `priority` is syslog's. */
typedef void log_sink(int priority, const char *text);

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

/* A trouble that is logged once until it changes, within a limit. Starts as { 0 }. */
struct log_once {
    struct diag last; /* empty: no trouble */
    struct log_limit limit;
};
/* Notes the text; an empty one means no trouble. True if it is to be logged, with the limit's
 * note. */
bool log_once_is_new(struct log_once *once, const char *text);
/* The same, and logs it as a warning. */
void log_once(struct log_once *once, log_sink *log, const char *text);

/* Writes a whole line of ours as it is. Safe in a signal handler. */
void log_last(const char *line);

#endif
