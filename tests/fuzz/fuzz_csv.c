/* Any octets as a member table: every record that is read reads back the same once written. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *open_text(void *text, size_t len)
{
    FILE *file = fmemopen(text, len, "r");
    ASSERT(file != NULL);
    return file;
}

/* Writes the record and reads it back: the fields are the same. */
static void check_round_trip(const struct csv *csv)
{
    static struct csv again;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    ASSERT(out != NULL);
    (void)fputs("first\n", out); /* a byte order mark counts only at the start of a file */
    for (size_t i = 0; i < csv->count; i++) {
        if (i > 0) {
            (void)putc(',', out);
        }
        csv_put(out, csv->fields[i]);
    }
    (void)putc('\n', out);
    (void)fclose(out);
    FILE *in = open_text(text, len);
    struct diag diag = { 0 };
    csv_begin(&again, in, "again");
    ASSERT(csv_next(&again, &diag) == RESULT_OK && again.count == 1);
    ASSERT(csv_next(&again, &diag) == RESULT_OK && again.count == csv->count);
    for (size_t i = 0; i < csv->count; i++) {
        ASSERT(strcmp(again.fields[i], csv->fields[i]) == 0);
    }
    (void)fclose(in);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct csv csv;
    struct diag diag = { 0 };
    if (size == 0) {
        return 0;
    }
    char *copy = xmalloc(size);
    memcpy(copy, data, size);
    FILE *file = open_text(copy, size);
    csv_begin(&csv, file, "fuzz");
    enum result result = RESULT_OK;
    while ((result = csv_next(&csv, &diag)) == RESULT_OK) {
        ASSERT(csv.count >= 1 && csv.count <= CSV_FIELDS_MAX && csv.used <= sizeof csv.data);
        check_round_trip(&csv);
    }
    ASSERT(result == RESULT_NOT_FOUND || (result == RESULT_INVALID && diag.text[0] != 0));
    (void)fclose(file);
    free(copy);
    return 0;
}
