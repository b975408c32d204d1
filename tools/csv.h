/* Comma-separated values (RFC 4180), read record by record in bounded memory. */
#ifndef TOOLS_CSV_H
#define TOOLS_CSV_H

#include <stdio.h>

#include "zone/base/result.h"

enum {
    CSV_FIELDS_MAX = 32,
    CSV_RECORD_MAX = 8192 /* octets, quotes taken away */
};

struct csv {
    FILE *file;
    const char *path;    /* for the diag */
    unsigned line;       /* where the record began, from 1 */
    unsigned lines_read; /* line ends seen */
    size_t count;
    const char *fields[CSV_FIELDS_MAX]; /* until the next record */
    size_t used;
    char data[CSV_RECORD_MAX];
};

/* Passes over a UTF-8 byte order mark. */
void csv_begin(struct csv *csv, FILE *file, const char *path);
/* The next record that is not an empty line. NOT_FOUND at the end; INVALID with path and line;
 * SYSTEM if the file can't be read. Lines end in CRLF or LF. */
enum result csv_next(struct csv *csv, struct diag *diag);
/* Prints one field, quoted where needed. */
void csv_put(FILE *file, const char *text);

#endif
