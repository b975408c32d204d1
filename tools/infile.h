/* A file or standard input, read completely before any store is opened. Its writer may be slow or
 * never finish, and must not block others that use the stores. */
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
    char *text;       /* followed by a NUL */
    size_t len;       /* octets without the NUL */
};

/* `path` "-" is standard input. SYSTEM if it can't be read, TOO_LONG if it has more than `most`
 * octets. After a failure there is nothing to free. */
enum result infile_read(struct infile *in, const char *path, size_t most, struct diag *diag);
/* True if standard input was read: it can't be read twice. */
bool infile_has_read_stdin(void);
/* Wipes and frees the text. `{ 0 }` is fine. */
void infile_done(struct infile *in);

#endif
