/* Reads comma-separated values (RFC 4180), one record at a time, in bounded memory. */
#ifndef TOOLS_CSV_H
#define TOOLS_CSV_H

#include <stdio.h>

#include "zone/base/result.h"

enum {
    CSV_FIELDS_MAX = 32,
    CSV_RECORD_MAX = 8192 /* octets without the quotes */
};

struct csv {
    FILE *file;
    const char *path;    /* for the diag */
    unsigned line;       /* first line of the record, counted from 1 */
    unsigned lines_read; /* line ends read */
    size_t count;
    const char *fields[CSV_FIELDS_MAX]; /* valid until the next record */
    size_t used;
    char data[CSV_RECORD_MAX];
};

/* Skips a UTF-8 byte order mark. */
void csv_begin(struct csv *csv, FILE *file, const char *path);
/* Reads the next record and skips empty lines. Lines end in CRLF or LF. NOT_FOUND at the end of the
 * file; INVALID with path and line in the diag; SYSTEM if the file can't be read. */
enum result csv_next(struct csv *csv, struct diag *diag);
/* Prints one field, quoted if necessary. */
void csv_put(FILE *file, const char *text);

#endif
