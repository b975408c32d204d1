#include "zone/base/log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/clock.h"
#include "zone/base/isotime.h"
#include "zone/base/printable.h"

enum {
    PIECE = 4096, /* PIPE_BUF: a pipe takes so many octets at once or none */
    WAIT_MS = 200,
    ESCAPED = 4 /* characters for an octet */
};

static pthread_mutex_t one_writer = PTHREAD_MUTEX_INITIALIZER;
static atomic_int least = LOG_INFO; /* what is less urgent is not written */
static unsigned long lost;          /* lines dropped since the last one that was written */
static int journald = -1;           /* the journal's socket */

static bool is_writable(int fd, int wait_ms)
{
    struct pollfd ready = { .fd = fd, .events = POLLOUT };
    return poll(&ready, 1, wait_ms) > 0;
}

/* False if the reader takes no more. A long line may be cut then. */
static bool write_line(const char *line, size_t len, int wait_ms)
{
    while (len > 0) {
        size_t piece = len < PIECE ? len : PIECE;
        ssize_t sent = is_writable(STDERR_FILENO, wait_ms) ? write(STDERR_FILENO, line, piece) : 0;
        if (sent <= 0) {
            return false;
        }
        line += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* Whether stderr is the stream of systemd's journal. A child that inherits JOURNAL_STREAM may have
 * another stderr. */
static bool is_journal(void)
{
    struct stat stat;
    char stream[64];
    const char *named = getenv("JOURNAL_STREAM");
    if (named == NULL || fstat(STDERR_FILENO, &stat) != 0) {
        return false;
    }
    (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)stat.st_dev,
                   (uintmax_t)stat.st_ino);
    return strcmp(stream, named) == 0;
}

/* Adds priority, or time and program. Returns the length. */
static size_t form(char *line, size_t room, const char *program, int priority, const char *text)
{
    char at[ISOTIME_ROOM];
    if (is_journal()) {
        return (size_t)snprintf(line, room, "<%d>%s\n", priority, text);
    }
    return (size_t)snprintf(line, room, "%s %.64s: %s\n", isotime_text(clock_now(), at), program,
                            text);
}

void log_open(void)
{
    if (journald < 0 && is_journal()) {
        journald = journald_connect();
    }
}

enum result log_level_set(const char *level, struct diag *diag)
{
    static const struct {
        const char *name;
        int priority;
    } levels[] = { { "error", LOG_ERR },
                   { "warning", LOG_WARNING },
                   { "notice", LOG_NOTICE },
                   { "info", LOG_INFO },
                   { "debug", LOG_DEBUG } };
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(levels[i].name, level) == 0) {
            atomic_store(&least, levels[i].priority);
            return RESULT_OK;
        }
    }
    return diag_fail(diag, RESULT_USAGE, "--log-level takes one of " LOG_LEVELS ", not \"%s\"",
                     level);
}

bool log_is_wanted(int priority)
{
    return priority <= atomic_load_explicit(&least, memory_order_relaxed);
}

/* Shows at the end of a text that fills `room` or more that something is missing. */
static void mark_cut(char *out, size_t room)
{
    static const char mark[] = "...";
    size_t at = room - sizeof(mark);
    while (at > 0 && ((unsigned char)out[at] & 0xc0) == 0x80) {
        at--; /* not within a character */
    }
    memcpy(out + at, mark, sizeof(mark));
}

size_t log_format(char *out, size_t room, const char *format, va_list args)
{
    int len = vsnprintf(out, room, format, args);
    if (len < 0) {
        out[0] = '\0';
    } else if ((size_t)len >= room) {
        mark_cut(out, room);
    }
    return strlen(out);
}

/* To the journal's socket if it takes the line, else to stderr. False if nobody takes it. */
static bool pass_on(const char *program, int priority, const struct log_fields *fields,
                    const char *text, int wait_ms)
{
    char line[LOG_LINE_MAX + JOURNALD_BESIDE];
    if (journald >= 0) {
        size_t len = journald_form(line, sizeof(line), program, priority, fields, text);
        if (!is_writable(journald, wait_ms)) {
            return false;
        }
        if (send(journald, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
            return true;
        }
    }
    size_t len = form(line, sizeof(line), program, priority, text);
    return write_line(line, len, wait_ms);
}

void log_write(const char *program, int priority, const struct log_fields *fields, const char *text)
{
    static const struct log_fields none;
    char escaped[ESCAPED * LOG_LINE_MAX];
    if (!log_is_wanted(priority)) {
        return;
    }
    if (strlen(printable_escape(escaped, sizeof(escaped), text)) >= LOG_LINE_MAX) {
        mark_cut(escaped, LOG_LINE_MAX);
    }
    (void)pthread_mutex_lock(&one_writer);
    if (lost > 0) {
        char what[64];
        (void)snprintf(what, sizeof(what), "%lu lines are lost: nobody took them", lost);
        lost = pass_on(program, LOG_WARNING, &none, what, 0) ? 0 : lost;
    }
    if (lost > 0 ||
        !pass_on(program, priority, fields != NULL ? fields : &none, escaped, WAIT_MS)) {
        lost++;
    }
    (void)pthread_mutex_unlock(&one_writer);
}

static void say(log_sink *log, int priority, const struct log_fields *fields, const char *format,
                va_list args) __attribute__((format(printf, 4, 0)));

static void say(log_sink *log, int priority, const struct log_fields *fields, const char *format,
                va_list args)
{
    char text[LOG_LINE_MAX];
    if (log_is_wanted(priority)) {
        (void)log_format(text, sizeof(text), format, args);
        log(priority, fields, text);
    }
}

void log_say(log_sink *log, int priority, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(log, priority, NULL, format, args);
    va_end(args);
}

void log_say_about(log_sink *log, int priority, const struct log_fields *fields, const char *format,
                   ...)
{
    va_list args;
    va_start(args, format);
    say(log, priority, fields, format, args);
    va_end(args);
}

bool log_limit_admits(struct log_limit *limit, bool changed)
{
    uint64_t now_ms = clock_steady_ms();
    if (!changed && !limit->owes) {
        return false;
    }
    if (limit->lines == 0 || now_ms - limit->began_ms >= LOG_WINDOW_MS) {
        limit->began_ms = now_ms;
        limit->lines = 0;
    }
    limit->owes = limit->lines == LOG_WINDOW_LINES;
    if (limit->owes) {
        limit->left_out += changed ? 1 : 0;
        return false;
    }
    limit->lines++;
    return true;
}

const char *log_limit_note(struct log_limit *limit, char out[LOG_NOTE_ROOM])
{
    out[0] = '\0';
    if (limit->left_out > 0) {
        (void)snprintf(out, LOG_NOTE_ROOM, " (%u changes before were not logged)", limit->left_out);
    }
    limit->left_out = 0;
    return out;
}

void log_once(struct log_once *once, log_sink *log, int priority, const struct log_fields *fields,
              const char *format, ...)
{
    struct diag next;
    char note[LOG_NOTE_ROOM];
    va_list args;
    va_start(args, format);
    (void)log_format(next.text, sizeof(next.text), format, args);
    va_end(args);
    bool same = strcmp(once->last.text, next.text) == 0;
    once->last = next;
    if (log_limit_admits(&once->limit, !same)) {
        once->told = true;
        log_say_about(log, priority, fields, "%s%s", next.text, log_limit_note(&once->limit, note));
    }
}

bool log_once_is_on(const struct log_once *once)
{
    return once->last.text[0] != '\0';
}

static void calm(struct log_once *once, log_sink *log, bool changed, const char *text)
{
    char note[LOG_NOTE_ROOM];
    once->last.text[0] = '\0';
    if (log_limit_admits(&once->limit, changed)) {
        once->told = false;
        log_say(log, LOG_NOTICE, "%s%s", text, log_limit_note(&once->limit, note));
    }
}

void log_once_over(struct log_once *once, log_sink *log, const char *text)
{
    bool changed = log_once_is_on(once);
    once->limit.owes = once->limit.owes && once->told;
    calm(once, log, changed && once->told, text);
}

void log_once_news(struct log_once *once, log_sink *log, const char *text)
{
    calm(once, log, true, text);
}

void log_last(const char *line)
{
    (void)write_line(line, strlen(line), 0);
}
