/* A file that appears complete or not at all: it is written under a temporary name in the same
 * directory and then renamed. */
#ifndef TOOLS_OUTFILE_H
#define TOOLS_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "zone/base/result.h"

struct outfile {
    FILE *file; /* to write to */
    const char *path;
    char *temporary; /* name until outfile_end; NULL for stdout and special files */
    int special;     /* a special file, which outfile_end writes; -1: none */
};

/* `path` NULL or "-" is stdout. A special file (a pipe, a terminal) is written directly, by
 * outfile_end. Both functions may wait for the reader of a pipe: no store may be open then. */
enum result outfile_begin(struct outfile *out, const char *path, struct diag *diag);
/* Syncs and renames the file, or removes it unless `good`. */
enum result outfile_end(struct outfile *out, bool good, struct diag *diag);

#endif
