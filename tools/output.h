/* What the CLI prints: texts made safe for a terminal, numbers and times, tables, JSON. */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/isotime.h"

enum {
    OUTPUT_TIME_ROOM = ISOTIME_ROOM,
    OUTPUT_DIGITS = 7, /* of a real number in JSON: more are noise */
    TABLE_COLUMNS_MAX = 12
};

/* `text` with everything that is not printable UTF-8 as \xHH: control characters, direction marks,
 * broken UTF-8. Texts from the store or the network must not steer a terminal. Cut at `room`.
 * Returns `out`. */
char *output_escape(char *out, size_t room, const char *text);
/* A decimal number in range, digits only. */
bool output_number(const char *text, uint32_t least, uint32_t most, uint32_t *out);
/* Unix seconds as UTC, "2026-11-23T09:15:00Z"; "-" for 0. Returns `out`. */
char *output_time(uint64_t at, char out[OUTPUT_TIME_ROOM]);

/* Escaped as by output_escape, so always valid; null for an empty text with `json_text_or_null`. */
json_t *json_text(const char *text);
json_t *json_text_or_null(const char *text);
/* The time as text, null for 0. */
json_t *json_time(uint64_t at);
/* Prints and frees it. */
void json_print(json_t *value);

/* Rows of texts in aligned columns, printed at the end with a heading. */
struct table {
    size_t columns;
    const char *const *heads;
    size_t width[TABLE_COLUMNS_MAX];
    char **cells;
    size_t count, room;
};
void table_begin(struct table *table, const char *const *heads, size_t columns);
/* Appends a cell, escaped; an empty text shows as "-". */
void table_cell(struct table *table, const char *text);
void table_cellf(struct table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints and frees it. */
void table_end(struct table *table);
/* Frees it unprinted. */
void table_drop(struct table *table);

#endif
