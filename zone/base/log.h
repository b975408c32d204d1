/* The daemons' lines on stderr. Under systemd's journal a line has its priority in front
 * (sd-daemon(3)), and the journal knows time and program; elsewhere the line has both. */
#ifndef ZONE_LOG_H
#define ZONE_LOG_H

#include <stdbool.h>
#include <syslog.h>

#include "zone/base/result.h"

enum {
    LOG_LINE_MAX = 8192 /* longer ones are cut */
};

/* One line; `priority` is syslog's. A reader that stands still holds nobody up: after a moment the
 * line is given up, and the next one that is taken comes after the number of those that were
 * not. */
void log_write(const char *program, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Where a module's lines go; the program gives it. */
typedef void log_sink(const char *text);

/* A trouble that is logged once until it changes. Begin from { 0 }. */
struct log_once {
    struct diag last; /* empty: no trouble */
};
/* Notes the text, an empty one for no trouble. True if it is to be logged: not empty, and not the
 * same as the last. */
bool log_once_is_new(struct log_once *once, const char *text);
void log_once(struct log_once *once, log_sink *log, const char *text);

/* A whole line from a signal's handler, as it is. */
void log_last(const char *line);

#endif
