/* Any octets as a text of a page: what is written is plain text to a reader of HTML or XML, and one
 * cell to a reader of CSV, and both read back what printable_escape makes of the text. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/csv.h"
#include "tools/site/markup.h"
#include "zone/base/printable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *reference;
    char c;
} references[] = {
    { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&#39;", '\'' }
};

/* Reads the character references of `text`, in place. */
static void read_markup(char *text)
{
    char *out = text;
    for (const char *p = text; *p != 0;) {
        ASSERT(strchr("<>\"'", *p) == NULL && (unsigned char)*p >= ' ' && *p != 0x7f);
        if (*p != '&') {
            *out++ = *p++;
            continue;
        }
        size_t i = 0;
        while (strncmp(p, references[i].reference, strlen(references[i].reference)) != 0) {
            ASSERT(++i < sizeof(references) / sizeof(references[0]));
        }
        *out++ = references[i].c;
        p += strlen(references[i].reference);
    }
    *out = 0;
}

static void check_markup(struct markup *m, const char *text, const char *harmless)
{
    markup_clear(m);
    markup_put(m, "%s", text);
    read_markup(m->text);
    ASSERT(strcmp(m->text, harmless) == 0);
}

static void check_csv(struct markup *m, const char *text, const char *harmless)
{
    static struct csv csv;
    struct diag diag = { 0 };
    markup_clear(m);
    markup_raw(m, "first,");
    markup_csv(m, text);
    markup_raw(m, "\n");
    if (m->len > CSV_RECORD_MAX) {
        return;
    }
    FILE *file = fmemopen(m->text, m->len, "r");
    ASSERT(file != NULL);
    csv_begin(&csv, file, "fuzz");
    ASSERT(csv_next(&csv, &diag) == RESULT_OK && csv.count == 2);
    const char *cell = csv.fields[1];
    ASSERT(cell[0] == 0 || strchr("=+-@", cell[0]) == NULL);
    bool formula = harmless[0] != 0 && strchr("=+-@", harmless[0]) != NULL;
    ASSERT(strcmp(cell + formula, harmless) == 0);
    ASSERT(csv_next(&csv, &diag) == RESULT_NOT_FOUND);
    (void)fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    size_t room = 4 * size + 5;
    char *harmless = printable_escape(xmalloc(room), room, text);
    struct markup m = { 0 };
    check_markup(&m, text, harmless);
    check_csv(&m, text, harmless);
    markup_done(&m);
    free(harmless);
    free(text);
    return 0;
}
