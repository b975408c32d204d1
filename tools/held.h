/* Output that is kept until its command has closed the stores. A reader that stands still, a pager
 * or a full pipe, would otherwise hold a snapshot, whose pages can't be used again, or a lock. It
 * lies in memory of the kernel's that may be swapped out (memfd). */
#ifndef TOOLS_HELD_H
#define TOOLS_HELD_H

#include <stdbool.h>

/* Standard output. */
struct held {
    bool holds;
    int to; /* where it goes in the end */
};

/* From now on what is printed is kept. Without a standard output, or if the kernel can't keep it,
 * it is as before. */
void held_begin(struct held *held);
/* Prints what was kept; from now on everything is printed at once. False if it can't be written,
 * with errno. */
bool held_end(struct held *held);

/* An empty file without a name, -1 if there can be none. */
int held_file(void);
/* Writes the whole file `from` to `to`. False with errno. */
bool held_copy(int from, int to);

#endif
