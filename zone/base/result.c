#include "zone/base/result.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

const char *result_text(enum result result)
{
#define RESULT_CASE(name, text)                                                                    \
    case RESULT_##name:                                                                            \
        return text;
    switch (result) {
        RESULT_LIST(RESULT_CASE)
    }
#undef RESULT_CASE
    return "unknown result";
}

enum result diag_fail(struct diag *diag, enum result result, const char *format, ...)
{
    if (diag != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(diag->text, sizeof(diag->text), format, args);
        va_end(args);
    }
    return result;
}

void die_bug(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "ntspool: a bug, please report it: %s:%d: %s\n", file, line, what);
    abort();
}

static void __attribute__((noreturn)) die_out_of_memory(void)
{
    (void)fputs("ntspool: out of memory\n", stderr);
    abort();
}

void *xrealloc(void *old, size_t size)
{
    void *p = realloc(old, size > 0 ? size : 1);
    if (p == NULL) {
        die_out_of_memory();
    }
    return p;
}

void *xmalloc(size_t size)
{
    return xrealloc(NULL, size);
}

void *xmalloc_huge(size_t size)
{
    enum {
        HUGE_PAGE = 2 << 20
    };
    if (size < HUGE_PAGE / 2) {
        return xmalloc(size);
    }
    size = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *p = aligned_alloc(HUGE_PAGE, size);
    if (p == NULL) {
        die_out_of_memory();
    }
    (void)madvise(p, size, MADV_HUGEPAGE);
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    ASSERT(size == 0 || count <= SIZE_MAX / size);
    /* not cleared here: pages of large arrays come from the kernel as zeros, when first touched */
    void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
    if (p == NULL) {
        die_out_of_memory();
    }
    return p;
}

char *xstrdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(xmalloc(size), text, size);
}
