/* A file or standard input, read whole before any store is opened: who writes it may be slow, or
 * never end, and must hold up nobody. */
#ifndef TOOLS_INFILE_H
#define TOOLS_INFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "zone/base/result.h"

enum {
    INFILE_MAX = 64 * 1024 * 1024
};

struct infile {
    FILE *file;       /* reads `text` */
    const char *path; /* for messages; "stdin" for standard input */
    char *text;       /* with a NUL behind it that does not count */
    size_t len;
};

/* `path` "-" is standard input. SYSTEM if it can't be read, TOO_LONG if it is longer than `most`;
 * then there is nothing to end. */
enum result infile_read(struct infile *in, const char *path, size_t most, struct diag *diag);
/* Wipes and frees it; nothing to do for `{ 0 }`. */
void infile_done(struct infile *in);

#endif
