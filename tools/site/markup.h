/* The text of a page, a drawing or a data file, written so that no text from a store can become
 * markup. Names of operators and details of failures come from strangers: every page goes through
 * this one writer.
 *
 *     markup_put(&m, "<td>%s</td><td>%u</td>", member.operator_name, member.capacity_mbit);
 *
 * What stands in a format is markup of ours. What `%s` brings is text: harmless (printable_escape)
 * and with & < > " ' as character references, so it fits between tags and in quoted attributes, in
 * HTML as in XML. */
#ifndef TOOLS_MARKUP_H
#define TOOLS_MARKUP_H

#include <jansson.h>
#include <stddef.h>

struct markup {
    char *text; /* ended by NUL once something was written */
    size_t len, room;
};

/* Start from `{ 0 }`, end with markup_done. */
void markup_done(struct markup *m);
/* Makes it empty and keeps the memory. */
void markup_clear(struct markup *m);

/* Writes markup of ours, as it is: never a text from a store. */
void markup_raw(struct markup *m, const char *markup);
/* Takes %s %c %d %u %ld %lu %lld %llu %zu %.Nf %%, with flags, widths and precisions as in printf,
 * but no `*`. A width or precision of %s counts octets before they are escaped. */
void markup_put(struct markup *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes a text as `%s` does. */
void markup_text(struct markup *m, const char *text);
/* Writes a number with at most `digits` (0 to 9) after the point, without zeros at its end: 20,
 * 0.5, -1.25. Faster than %f. Not for infinity and NAN. */
void markup_fixed(struct markup *m, double value, unsigned digits);
/* Writes a cell of a CSV record (RFC 4180), quoted where necessary. A text that a spreadsheet would
 * take for a formula (it begins with = + - @) gets an apostrophe before it. */
void markup_csv(struct markup *m, const char *text);
/* Writes a value as JSON, compact and in pure ASCII, and frees it. */
void markup_json(struct markup *m, json_t *value);

#endif
