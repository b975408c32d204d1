/* Large zeroed memory. The kernel gives a page when it is first touched: so what is not used takes
 * no memory, and making it no time. */
#ifndef ZONE_PAGES_H
#define ZONE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* `huge`: in huge pages where the kernel gives them, for memory that is read at random. */
void *pages_new(size_t len, bool huge);
void pages_free(void *pages, size_t len);

#endif
