/* A file that appears whole or not at all: written beside its place and renamed at the end. */
#ifndef TOOLS_OUTFILE_H
#define TOOLS_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "zone/base/result.h"

struct outfile {
    FILE *file; /* to write to */
    const char *path;
    char *made; /* its name until the end; NULL: written in place */
    int place;  /* what is written in place, at the end; -1: nothing */
};

/* `path` NULL or "-" is stdout; something that exists and is no regular file (a pipe, a terminal)
 * is written in place, at the end. A pipe may wait for its reader here and at the end, so that no
 * store is open at either. */
enum result outfile_begin(struct outfile *out, const char *path, struct diag *diag);
/* Puts it in its place, on the disk; takes it back unless `good`. */
enum result outfile_end(struct outfile *out, bool good, struct diag *diag);

#endif
