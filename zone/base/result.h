/* Result codes, which all folders use for errors, and the diagnostic of a failure.
 *
 * A function that can fail returns enum result and leaves its outputs untouched when it fails. The
 * outcome of a DNS query (an RCODE, NODATA, a drop) is data, not a result. */
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
    X(EXHAUSTED, "the budget is used up")                                                          \
    X(UNREACHABLE, "nobody answered in time")                                                      \
    X(UNCERTAIN, "not known whether it was done")

#define RESULT_ENUM(name, text) RESULT_##name,
enum [[nodiscard]] result{ RESULT_LIST(RESULT_ENUM) };
#undef RESULT_ENUM

/* The code's text, never NULL. */
const char *result_text(enum result result);

/* One line for people: what is wrong, where (file, line) and what to do. Not for the query path. */
struct diag {
    char text[512];
};

/* Writes the line and returns `result`, so that a failing function ends in `return diag_fail(...)`.
 * `diag` may be NULL. A line that is too long is cut. */
enum result diag_fail(struct diag *diag, enum result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Returns a failure of the call from the calling function, which must own nothing at that point.
 * Two statements, so that linters count it as the one branch that it is. */
#define TRY(call)                                                                                  \
    enum result TRY_RESULT(__LINE__) = (call);                                                     \
    if (TRY_RESULT(__LINE__) != RESULT_OK) {                                                       \
        return TRY_RESULT(__LINE__);                                                               \
    }                                                                                              \
    _Static_assert(1, "a semicolon follows")
#define TRY_RESULT(line)    TRY_RESULT_AT(line)
#define TRY_RESULT_AT(line) try_result_##line

/* Aborts with a message about a bug of ours. Also in release builds. */
void die_bug(const char *file, int line, const char *what) __attribute__((noreturn));
/* An invariant. The condition has no side effect. */
#define ASSERT(condition) ((condition) ? (void)0 : die_bug(__FILE__, __LINE__, #condition))
/* A call that must succeed: the condition makes the call and compares. */
#define CHECK(condition) ((condition) ? (void)0 : die_bug(__FILE__, __LINE__, #condition))

/* malloc, calloc, realloc and strdup that abort when memory is out. Only for start-up and for cold
 * paths with sizes that the operator chose. */
void *xmalloc(size_t size);
/* For a large table that is read at random: in huge pages where the kernel has them, since looking
 * up a page costs more than reading it. */
void *xmalloc_huge(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);

#endif
