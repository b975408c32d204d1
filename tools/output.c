#include "tools/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/printable.h"
#include "zone/base/result.h"

enum {
    CELL_MAX = 512
};

char *output_escape(char *out, size_t room, const char *text)
{
    return printable_escape(out, room, text);
}

bool output_number(const char *text, uint32_t least, uint32_t most, uint32_t *out)
{
    uint64_t value = 0;
    if (*text == 0) {
        return false;
    }
    for (; *text != 0; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > most) {
            return false;
        }
    }
    if (value < least) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

char *output_time(uint64_t at, char out[OUTPUT_TIME_ROOM])
{
    return isotime_or_dash(at, out);
}

json_t *json_text(const char *text)
{
    size_t room = strlen(text) * 4 + 1;
    char *safe = xmalloc(room);
    json_t *value = json_string(output_escape(safe, room, text));
    free(safe);
    ASSERT(value != NULL);
    return value;
}

json_t *json_text_or_null(const char *text)
{
    return text[0] == 0 ? json_null() : json_text(text);
}

const char *json_text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

json_t *json_time(uint64_t at)
{
    char text[OUTPUT_TIME_ROOM];
    return at == 0 ? json_null() : json_text(output_time(at, text));
}

void json_print(json_t *value)
{
    /* A failed write sets stdout's error flag, which cli_show checks. */
    (void)json_dumpf(value, stdout,
                     JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(OUTPUT_DIGITS));
    putchar('\n');
    json_decref(value);
}

void table_begin(struct table *table, const char *const *heads, size_t columns)
{
    ASSERT(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    *table = (struct table){ .columns = columns, .heads = heads };
    for (size_t i = 0; i < columns; i++) {
        table->width[i] = strlen(heads[i]);
    }
}

/* Columns on the screen: the number of code points is close enough. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text != 0; text++) {
        width += (*text & 0xc0) != 0x80;
    }
    return width;
}

void table_cell(struct table *table, const char *text)
{
    char safe[CELL_MAX];
    output_escape(safe, sizeof safe, text[0] != 0 ? text : "-");
    if (table->count == table->room) {
        table->room = table->room * 2 + table->columns * 16;
        table->cells = xrealloc(table->cells, table->room * sizeof *table->cells);
    }
    size_t column = table->count % table->columns;
    size_t width = text_width(safe);
    table->width[column] = width > table->width[column] ? width : table->width[column];
    table->cells[table->count++] = xstrdup(safe);
}

void table_cellf(struct table *table, const char *format, ...)
{
    char text[CELL_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    table_cell(table, text);
}

static void print_row(const struct table *table, const char *const *cells)
{
    for (size_t i = 0; i < table->columns; i++) {
        bool last = i + 1 == table->columns;
        size_t pad = last ? 0 : table->width[i] - text_width(cells[i]) + 2;
        printf("%s%*s", cells[i], (int)pad, "");
    }
    putchar('\n');
}

void table_end(struct table *table)
{
    print_row(table, table->heads);
    for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
        print_row(table, (const char *const *)&table->cells[i]);
    }
    table_drop(table);
}

void table_drop(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct table){ 0 };
}
