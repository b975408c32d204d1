/* A file that appears whole or not at all: written beside its place and renamed at the end. */
#ifndef TOOLS_OUTFILE_H
#define TOOLS_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "zone/result.h"

struct outfile {
    FILE *file; /* to write to */
    const char *path;
    char *made; /* its name until the end; NULL: written in place */
};

/* `path` NULL or "-" is stdout; something that exists and is no regular file (a pipe, a terminal) is written in place. */
enum result outfile_begin(struct outfile *out, const char *path, struct diag *diag);
/* Puts it in its place, on the disk; takes it back unless `good`. */
enum result outfile_end(struct outfile *out, bool good, struct diag *diag);

#endif
