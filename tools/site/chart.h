/* Charts as SVG: lines over time, and beneath them a row for each line with its name, a few words
 * and a ribbon of its troubles. Lines differ by dashes, troubles by height, so nothing depends on
 * colour alone.
 *
 * The size of a chart does not follow from the data: points that would not show are left out,
 * values out of range are drawn at the edge, and marks that would cover each other become one. */
#ifndef TOOLS_CHART_H
#define TOOLS_CHART_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/site/markup.h"

enum {
    CHART_WIDTH = 480, /* of the view box; text is 12 high */
    CHART_STYLES = 9   /* 0 is the bold line, others are told apart by dashes */
};

struct chart_point {
    uint64_t at; /* Unix seconds */
    double value;
};

enum chart_trouble {
    CHART_SILENT, /* the highest ribbon */
    CHART_WRONG,
    CHART_OURS, /* says nothing of the server; the lowest */
    CHART_TROUBLES
};

struct chart_span {
    uint64_t from, until;
    enum chart_trouble trouble;
};

struct chart_line {
    const char *name; /* NULL: it has no row */
    const char *note; /* at the end of the row */
    unsigned style;
    const struct chart_point *points; /* in order of time */
    size_t point_count;
    bool watched;                   /* it has a ribbon */
    const struct chart_span *spans; /* in order of time */
    size_t span_count;
};

/* A level across the chart. */
struct chart_level {
    double value;
    const char *name;
};

struct chart_mark {
    uint64_t at;
    const char *text;
};

struct chart {
    const char *id; /* unique in the page */
    const char *title, *desc;
    uint64_t from, until;
    uint64_t gap_s;   /* a line breaks where points are further apart */
    double low, high; /* of the axis */
    /* values under `low` have a gutter of their own, down to this; `low` or more: there is none */
    double floor;
    const char *unit;                 /* of the axis; "": none */
    unsigned height;                  /* of the plot without the gutter */
    const struct chart_level *levels; /* the highest first */
    size_t level_count;
    const struct chart_line *lines; /* drawn in this order */
    size_t line_count;
    const struct chart_mark *marks; /* in order of time */
    size_t mark_count;
};

/* Part of a page, whose stylesheet has the classes. */
void chart_write(struct markup *m, const struct chart *chart);
/* A file of its own, with its own style for a light and a dark ground. `root` leads from it to the
 * site's stylesheet. */
void chart_write_file(struct markup *m, const struct chart *chart, const char *root);

/* Sets `low` and `high` so that nearly all of the values and 0 are between them and a few are not:
 * one value that is far off must not hide all others. `least` is the least distance. Without
 * `both_signs`, the axis begins at 0. */
void chart_fit(struct chart *chart, double least, bool both_signs);

#endif
