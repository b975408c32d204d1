/* Deferred output: what a command prints is written out after the command has closed its stores.
 * Otherwise a reader that stalls (a pager, a full pipe) would pin a snapshot, whose pages can't be
 * reused, or block others with a lock. The output waits in a memfd, which the kernel can swap out.
 */
#ifndef TOOLS_DEFERRED_H
#define TOOLS_DEFERRED_H

#include <stdbool.h>

/* State of standard output. */
struct deferred {
    bool active;
    int to; /* the real standard output */
};

/* Starts to defer standard output. Does nothing if there is no standard output, or if the kernel
 * gives no memory for it. */
void deferred_begin(struct deferred *output);
/* Writes the deferred output; later output is no longer deferred. False with errno if it can't be
 * written. */
bool deferred_end(struct deferred *output);

/* Opens an empty, unnamed file in memory; -1 on failure. */
int deferred_file(void);
/* Copies all of `from` to `to`. False with errno. */
bool deferred_copy(int from, int to);

#endif
