#include "tools/site/plaintext.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/result.h"

#define INDENT "    "

enum text_block {
    BLOCK_NONE,
    BLOCK_PARAGRAPH,
    BLOCK_LITERAL
};

static const char *const begins[] = { "", "<p>", "<pre><code>" };
static const char *const ends[] = { "", "</p>\n", "</code></pre>\n" };

static enum text_block kind_of(const char *line)
{
    return strncmp(line, INDENT, strlen(INDENT)) == 0 ? BLOCK_LITERAL : BLOCK_PARAGRAPH;
}

/* What follows "12. "; NULL if the line is no heading. */
static const char *heading(const char *line)
{
    size_t digits = strspn(line, "0123456789");
    return digits > 0 && strncmp(line + digits, ". ", 2) == 0 ? line + digits + 2 : NULL;
}

void plaintext_write(struct markup *m, const char *text)
{
    enum text_block open = BLOCK_NONE;
    bool gap = false; /* empty lines before this one */
    char *copy = xstrdup(text), *rest = copy, *line = NULL;
    while ((line = strsep(&rest, "\n")) != NULL) {
        const char *title = heading(line);
        enum text_block kind = title != NULL ? BLOCK_NONE : kind_of(line);
        if (*line == '\0') {
            gap = true;
            continue;
        }
        bool goes_on = open == kind && open != BLOCK_NONE && (!gap || kind == BLOCK_LITERAL);
        if (goes_on) {
            markup_raw(m, gap ? "\n\n" : "\n");
        } else {
            markup_raw(m, ends[open]);
            markup_raw(m, begins[kind]);
        }
        if (title != NULL) {
            markup_put(m, "<h2>%s</h2>\n", title);
        } else {
            markup_text(m, kind == BLOCK_LITERAL ? line + strlen(INDENT) : line);
        }
        open = kind;
        gap = false;
    }
    markup_raw(m, ends[open]);
    free(copy);
}
