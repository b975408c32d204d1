#include "tools/csv.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The next octet, unchanged: for text in quotes. */
static int take_raw(struct csv *csv)
{
    int c = getc_unlocked(csv->file);
    csv->lines_read += c == '\n';
    return c;
}

/* The next octet; CRLF becomes LF. */
static int take(struct csv *csv)
{
    int c = take_raw(csv);
    if (c == '\r') {
        int next = getc_unlocked(csv->file);
        if (next == '\n') {
            csv->lines_read++;
            return next;
        }
        (void)ungetc(next, csv->file);
    }
    return c;
}

void csv_begin(struct csv *csv, FILE *file, const char *path)
{
    static const int mark[] = { 0xef, 0xbb, 0xbf };
    csv->file = file;
    csv->path = path;
    csv->line = 1;
    csv->lines_read = 0;
    csv->count = 0;
    csv->used = 0;
    int c = getc_unlocked(file);
    if (c != mark[0]) {
        (void)ungetc(c, file);
        return;
    }
    /* If the mark is incomplete, the first field begins with a broken character, and the check of
     * the header reports that field. */
    for (size_t i = 1; i < 3; i++) {
        c = getc_unlocked(file);
        if (c != mark[i]) {
            (void)ungetc(c, file);
            return;
        }
    }
}

static enum result fail(const struct csv *csv, struct diag *diag, const char *why)
{
    return diag_fail(diag, RESULT_INVALID, "%s:%u: %s", csv->path, csv->line, why);
}

static bool put(struct csv *csv, int c)
{
    if (csv->used == sizeof csv->data) {
        return false;
    }
    csv->data[csv->used++] = (char)c;
    return true;
}

/* Reads a quoted field after its opening quote. `*next` becomes the octet after the closing one. */
static enum result read_quoted(struct csv *csv, int *next, struct diag *diag)
{
    for (;;) {
        int c = take_raw(csv);
        if (c == '"') {
            c = take(csv);
            /* RFC 4180 2.7: a quote in a quoted field is doubled. */
            if (c != '"') {
                *next = c;
                return RESULT_OK;
            }
        } else if (c == EOF) {
            return fail(csv, diag, "the last quote is missing");
        } else if (c == 0) {
            return fail(csv, diag, "text can't have a NUL octet");
        }
        if (!put(csv, c)) {
            return fail(csv, diag, "the line is too long");
        }
    }
}

static bool ends_field(int c)
{
    return c == ',' || c == '\n' || c == EOF;
}

static enum result read_field(struct csv *csv, int *next, struct diag *diag)
{
    int c = take(csv);
    if (c == '"') {
        enum result result = read_quoted(csv, next, diag);
        return result != RESULT_OK || ends_field(*next)
                   ? result
                   : fail(csv, diag, "a comma is missing after a quoted field");
    }
    for (; !ends_field(c); c = take(csv)) {
        /* RFC 4180 2.5. */
        if (c == '"') {
            return fail(csv, diag, "a field that contains a quote must be quoted");
        }
        if (c == 0 || c == '\r') {
            return fail(csv, diag, "text can't have a control character");
        }
        if (!put(csv, c)) {
            return fail(csv, diag, "the line is too long");
        }
    }
    *next = c;
    return RESULT_OK;
}

static enum result read_record(struct csv *csv, struct diag *diag)
{
    int next = ',';
    while (next == ',') {
        if (csv->count == CSV_FIELDS_MAX) {
            return fail(csv, diag, "there are too many fields");
        }
        const char *field = csv->data + csv->used;
        enum result result = read_field(csv, &next, diag);
        if (result != RESULT_OK) {
            return result;
        }
        if (!put(csv, 0)) {
            return fail(csv, diag, "the line is too long");
        }
        csv->fields[csv->count++] = field;
    }
    return RESULT_OK;
}

enum result csv_next(struct csv *csv, struct diag *diag)
{
    for (;;) {
        int c = getc_unlocked(csv->file);
        if (c == EOF) {
            return ferror(csv->file) ? diag_fail(diag, RESULT_SYSTEM, "can't read %s: %s",
                                                 csv->path, strerror(errno))
                                     : RESULT_NOT_FOUND;
        }
        (void)ungetc(c, csv->file);
        csv->line = csv->lines_read + 1;
        csv->count = 0;
        csv->used = 0;
        enum result result = read_record(csv, diag);
        if (result != RESULT_OK || csv->count > 1 || csv->fields[0][0] != 0) {
            return result;
        }
    }
}

void csv_put(FILE *file, const char *text)
{
    size_t len = strlen(text);
    bool spaced = len > 0 && (text[0] == ' ' || text[len - 1] == ' ');
    if (!spaced && strpbrk(text, ",\"\r\n") == NULL) {
        (void)fputs(text, file);
        return;
    }
    (void)putc('"', file);
    for (; *text != 0; text++) {
        if (*text == '"') {
            (void)putc('"', file);
        }
        (void)putc(*text, file);
    }
    (void)putc('"', file);
}
