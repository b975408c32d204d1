#include "zone/base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#include "zone/base/result.h"

enum {
    HUGE_PAGE = 2 << 20
};

/* A whole number of huge pages begins where one begins. */
static size_t rounded(size_t len)
{
    ASSERT(len <= SIZE_MAX - HUGE_PAGE);
    return len < HUGE_PAGE ? len : (len + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

void *pages_new(size_t len, bool huge)
{
    void *pages = mmap(NULL, rounded(len), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT(pages != MAP_FAILED);
    if (huge) {
        (void)madvise(pages, rounded(len), MADV_HUGEPAGE);
    }
    return pages;
}

void pages_free(void *pages, size_t len)
{
    if (pages != NULL) {
        (void)munmap(pages, rounded(len));
    }
}
