/* Output of the CLI: texts that are safe for a terminal, numbers, times, tables and JSON. */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/isotime.h"

enum {
    OUTPUT_TIME_ROOM = ISOTIME_ROOM,
    OUTPUT_DIGITS = 7, /* of a real number in JSON: more would be noise */
    TABLE_COLUMNS_MAX = 12
};

/* printable_escape: texts from the store or the network must not control a terminal. */
char *output_escape(char *out, size_t room, const char *text);
/* Parses a decimal number from `least` to `most`, digits only. */
bool output_number(const char *text, uint32_t least, uint32_t most, uint32_t *out);
/* Unix seconds as UTC, "2026-11-23T09:15:00Z"; "-" for 0. Returns `out`. */
char *output_time(uint64_t at, char out[OUTPUT_TIME_ROOM]);

/* A JSON string, escaped by output_escape and therefore always valid. json_text_or_null makes null
 * of an empty text. */
json_t *json_text(const char *text);
json_t *json_text_or_null(const char *text);
/* The text in a field of an object; "-" if there is none. */
const char *json_text_of(const json_t *object, const char *key);
/* Unix seconds as a JSON string; null for 0. */
json_t *json_time(uint64_t at);
/* Prints and frees the value. */
void json_print(json_t *value);

/* A table with aligned columns and a heading. table_end prints it. */
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
/* Prints and frees the table. */
void table_end(struct table *table);
/* Frees the table without printing it. */
void table_drop(struct table *table);

#endif
