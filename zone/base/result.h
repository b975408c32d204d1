/* Result codes, the one error vocabulary of the project, and the diagnostic that goes with a
 * failure.
 *
 * A function that can fail returns enum result and leaves its outputs untouched when it does. What
 * a DNS query comes to (an RCODE, NODATA, a drop) is data, not a result. */
#ifndef ZONE_RESULT_H
#define ZONE_RESULT_H

#include <stddef.h>

#define RESULT_LIST(X)                                                                             \
    X(OK, "done")                                                                                  \
    X(NOT_FOUND, "not found")                                                                      \
    X(EXISTS, "exists already")                                                                    \
    X(INVALID, "not valid")                                                                        \
    X(TOO_LONG, "too long")                                                                        \
    X(REFUSED, "refused")                                                                          \
    X(USAGE, "wrong usage")                                                                        \
    X(SYSTEM, "the operating system refused")                                                      \
    X(NO_MEMORY, "out of memory")                                                                  \
    X(MISSING, "the store is missing")                                                             \
    X(FOREIGN, "the store is not one of ntspool's")                                                \
    X(NEWER, "the store was written by a newer ntspool")                                           \
    X(STALE, "the store's file was replaced while it was open")                                    \
    X(DAMAGED, "the store is damaged")                                                             \
    X(FULL, "the store is full")                                                                   \
    X(CRYPTO, "a cryptographic operation failed")                                                  \
    X(UNSEALABLE, "the sealed key could not be opened")                                            \
    X(EXHAUSTED, "the budget is used up")

#define RESULT_ENUM(name, text) RESULT_##name,
enum [[nodiscard]] result{ RESULT_LIST(RESULT_ENUM) };
#undef RESULT_ENUM

/* The code's text, never NULL. */
const char *result_text(enum result result);

/* One line for a person: what is wrong, where (file, line), what to do. Filled on cold paths
 * only. */
struct diag {
    char text[512];
};

/* Writes the line and returns `result`, so that a failing function ends in `return diag_fail(...)`.
 * A NULL diag is fine. A line that is too long is cut. */
enum result diag_fail(struct diag *diag, enum result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Returns the call's failure from the function around it. For functions that own nothing yet. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum result try_result = (call);                                                           \
        if (try_result != RESULT_OK) {                                                             \
            return try_result;                                                                     \
        }                                                                                          \
    } while (0)

/* Aborts with a message: for our own bugs and for out-of-memory at start. Stays on in release. */
void die_bug(const char *file, int line, const char *what) __attribute__((noreturn));
/* An invariant of ours. The condition has no side effect. */
#define ASSERT(condition) ((condition) ? (void)0 : die_bug(__FILE__, __LINE__, #condition))
/* A call that must succeed: the condition makes the call and compares. */
#define CHECK(condition) ((condition) ? (void)0 : die_bug(__FILE__, __LINE__, #condition))

/* malloc and calloc that abort: only for start-up and cold paths whose size the operator chose. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);

#endif
