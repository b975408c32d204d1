/* Tables of pages. Rows are the caller's. */
#ifndef TOOLS_SITETABLE_H
#define TOOLS_SITETABLE_H

#include <stddef.h>

#include "tools/site/markup.h"

/* A head that begins with '#' is that of a column of numbers, whose cells have the class
 * `number`. */
void sitetable_begin(struct markup *m, const char *caption, const char *const *heads, size_t count);
void sitetable_end(struct markup *m);

#endif
