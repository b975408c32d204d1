#include "tools/site/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/site/timeticks.h"
#include "zone/base/array.h"

enum {
    LEFT = 34,
    RIGHT = CHART_WIDTH - 8,
    TOP = 24, /* the unit and the marks are above the plot */
    GUTTER = 14,
    AXIS = 20, /* times are below it */
    ROW = 24,
    RIBBON_TOP = 15, /* in the row */
    RIBBON = 6,
    MARK_APART = 8,
    TICKS = 4, /* of values, about; of times, twice as many */
    VALUE_ROOM = 32,
    DIGITS_MAX = 6
};

/* A line may lie this far from its points. */
#define TOLERANCE 0.4
/* Part of the values that chart_fit lets lie outside. */
#define OUTSIDE 0.01

/* The place of everything in the view box. */
struct frame {
    const struct chart *chart;
    struct markup *m;
    double bottom; /* of the plot, at `low` */
    double gutter; /* its lower end; `bottom` if there is none */
};

static double x_of(const struct frame *frame, uint64_t at)
{
    const struct chart *chart = frame->chart;
    if (at <= chart->from) {
        return LEFT;
    }
    if (at >= chart->until) {
        return RIGHT;
    }
    return LEFT +
           (RIGHT - LEFT) * (double)(at - chart->from) / (double)(chart->until - chart->from);
}

static double y_of(const struct frame *frame, double value)
{
    const struct chart *chart = frame->chart;
    if (!(value > chart->low)) { /* not a number, too */
        bool below = frame->gutter > frame->bottom && value < chart->low;
        double part = below ? (chart->low - value) / (chart->low - chart->floor) : 0;
        return frame->bottom + (frame->gutter - frame->bottom) * fmin(part, 1);
    }
    double part = (value - chart->low) / (chart->high - chart->low);
    return frame->bottom - (frame->bottom - TOP) * fmin(part, 1);
}

static void put_number(struct markup *m, double value)
{
    markup_fixed(m, value, 1);
}

static void put_step(struct markup *m, const char *command, double x, double y)
{
    markup_raw(m, command);
    put_number(m, x);
    markup_raw(m, y < 0 ? "" : " ");
    put_number(m, y);
}

/* -- lines -- */

struct chart_place {
    double x, y;
};

/* Draws a line through points that come one after the other. A point is left out if the line passes
 * it within TOLERANCE anyway: `low` and `high` are the slopes that the line from `from` may have to
 * pass all points since then. */
struct pen {
    struct markup *m;
    bool down;
    struct chart_place from, last;
    double low, high;
};

static double tenth(double value)
{
    return round(value * 10) / 10;
}

static void pen_to(struct pen *pen, struct chart_place to)
{
    double dx = tenth(to.x) - tenth(pen->from.x), dy = tenth(to.y) - tenth(pen->from.y);
    if (dy == 0 && dx == 0) {
        return;
    }
    if (dy == 0) {
        markup_raw(pen->m, "h");
        put_number(pen->m, dx);
    } else {
        put_step(pen->m, "l", dx, dy);
    }
    pen->from = to;
}

static void pen_begin(struct pen *pen, struct chart_place at)
{
    put_step(pen->m, "M", at.x, at.y);
    pen->from = pen->last = at;
    pen->low = -INFINITY;
    pen->high = INFINITY;
    pen->down = true;
}

static void pen_add(struct pen *pen, struct chart_place at)
{
    double dx = at.x - pen->from.x;
    double slope = dx > 0 ? (at.y - pen->from.y) / dx : NAN;
    if (!(slope >= pen->low && slope <= pen->high)) {
        pen_to(pen, pen->last);
        pen->low = -INFINITY;
        pen->high = INFINITY;
        dx = at.x - pen->from.x;
    }
    if (dx > 0) {
        pen->low = fmax(pen->low, (at.y - TOLERANCE - pen->from.y) / dx);
        pen->high = fmin(pen->high, (at.y + TOLERANCE - pen->from.y) / dx);
    }
    pen->last = at;
}

static void pen_end(struct pen *pen)
{
    if (pen->down) {
        struct chart_place from = pen->from;
        pen_to(pen, pen->last);
        if (from.x == pen->last.x && from.y == pen->last.y) {
            markup_raw(pen->m, "h1"); /* a single point shows as a dot */
        }
    }
    pen->down = false;
}

static void put_line(const struct frame *frame, const struct chart_line *line)
{
    struct pen pen = { .m = frame->m };
    uint64_t before = 0;
    markup_put(frame->m, "<path class=\"l%u\" d=\"", line->style % CHART_STYLES);
    for (size_t i = 0; i < line->point_count; i++) {
        const struct chart_point *point = &line->points[i];
        if (point->at < frame->chart->from || point->at > frame->chart->until ||
            isnan(point->value)) {
            continue;
        }
        struct chart_place at = { x_of(frame, point->at), y_of(frame, point->value) };
        if (pen.down && point->at - before <= frame->chart->gap_s) {
            pen_add(&pen, at);
        } else {
            pen_end(&pen);
            pen_begin(&pen, at);
        }
        before = point->at;
    }
    pen_end(&pen);
    markup_raw(frame->m, "\"/>\n");
}

/* -- rows -- */

static const double ribbon_heights[CHART_TROUBLES] = { RIBBON, RIBBON / 2.0, 1 };
static const char *const ribbon_classes[CHART_TROUBLES] = { "silent", "wrong", "ours" };

/* A box of a ribbon. */
struct box {
    double from, until; /* none if `until` is before `from` */
};

/* Where the span shows: not narrower than 1. */
static struct box box_of(const struct frame *frame, const struct chart_span *span)
{
    double from = x_of(frame, span->from);
    double until = fmax(x_of(frame, span->until), fmin(from + 1, RIGHT));
    return (struct box){ fmin(from, until - 1), until };
}

static void put_box(const struct frame *frame, const struct box *box, double bottom, double height)
{
    if (box->until >= box->from) {
        put_step(frame->m, "M", box->from, bottom - height);
        markup_raw(frame->m, "h");
        put_number(frame->m, box->until - box->from);
        markup_put(frame->m, "v%.0fh-", height);
        put_number(frame->m, box->until - box->from);
        markup_raw(frame->m, "z");
    }
}

/* Spans of one kind as one path. Those that would touch become one. */
static void put_ribbon(const struct frame *frame, const struct chart_line *line,
                       enum chart_trouble trouble, double bottom)
{
    double height = ribbon_heights[trouble];
    struct box box = { 0, -1 };
    bool begun = false;
    for (size_t i = 0; i < line->span_count; i++) {
        const struct chart_span *span = &line->spans[i];
        if (span->trouble != trouble || span->until < frame->chart->from ||
            span->from > frame->chart->until) {
            continue;
        }
        if (!begun) {
            markup_put(frame->m, "<path class=\"%s\" d=\"", ribbon_classes[trouble]);
            begun = true;
        }
        struct box next = box_of(frame, span);
        if (box.until >= box.from && next.from <= box.until + 0.5) {
            box.until = fmax(box.until, next.until);
        } else {
            put_box(frame, &box, bottom, height);
            box = next;
        }
    }
    put_box(frame, &box, bottom, height);
    markup_raw(frame->m, begun ? "\"/>\n" : "");
}

static void put_row(const struct frame *frame, const struct chart_line *line, double top)
{
    struct markup *m = frame->m;
    double base = top + 11;
    markup_put(m, "<path class=\"l%u\" d=\"M0 %.0fh26\"/>", line->style % CHART_STYLES, base - 4);
    markup_put(m, "<text x=\"%d\" y=\"%.0f\">%s</text>", LEFT, base, line->name);
    if (line->note != NULL) {
        markup_put(m, "<text class=\"end\" x=\"%d\" y=\"%.0f\">%s</text>", RIGHT, base, line->note);
    }
    if (line->watched) {
        markup_put(m, "<path class=\"track\" d=\"M%d %.0fH%d\"/>\n", LEFT,
                   top + RIBBON_TOP + RIBBON, RIGHT);
        for (unsigned i = 0; i < CHART_TROUBLES; i++) {
            put_ribbon(frame, line, (enum chart_trouble)i, top + RIBBON_TOP + RIBBON);
        }
    }
}

/* -- axes -- */

/* 1, 2 or 5 times a power of ten. */
static double nice_step(double span)
{
    double step = pow(10, floor(log10(span / TICKS)));
    double times = span / TICKS / step;
    return step * (times > 5 ? 10 : times > 2 ? 5 : times > 1 ? 2 : 1);
}

/* The label of a value: short, since there is little room. */
static void put_value(struct markup *m, double value, double step, double most)
{
    double scale = most >= 1e7 ? 1e6 : most >= 1e4 ? 1e3 : 1;
    int digits = step < scale ? (int)ceil(-log10(step / scale)) : 0;
    char text[VALUE_ROOM];
    (void)snprintf(text, sizeof(text), "%.*f%s", digits > DIGITS_MAX ? DIGITS_MAX : digits,
                   value / scale + 0.0,
                   scale >= 1e6   ? "M"
                   : scale >= 1e3 ? "k"
                                  : "");
    markup_text(m, text);
}

static void put_values(const struct frame *frame)
{
    const struct chart *chart = frame->chart;
    double step = nice_step(chart->high - chart->low), first = ceil(chart->low / step);
    double most = fmax(fabs(chart->low), fabs(chart->high));
    int count = 0;
    while (count <= 2 * TICKS && (first + count) * step <= chart->high + step / 1000) {
        count++;
    }
    markup_raw(frame->m, "<path class=\"grid\" d=\"");
    for (int i = 0; i < count; i++) {
        markup_put(frame->m, "M%d ", LEFT);
        put_number(frame->m, y_of(frame, (first + i) * step));
        markup_put(frame->m, "H%d", RIGHT);
    }
    markup_raw(frame->m, "\"/>\n");
    for (int i = 0; i < count; i++) {
        markup_put(frame->m, "<text class=\"end\" x=\"%d\" y=\"", LEFT - 5);
        put_number(frame->m, y_of(frame, (first + i) * step) + 4);
        markup_raw(frame->m, "\">");
        put_value(frame->m, (first + i) * step, step, most);
        markup_raw(frame->m, "</text>");
    }
    if (chart->unit[0] != 0) {
        markup_put(frame->m, "<text x=\"0\" y=\"11\">%s</text>", chart->unit);
    }
    markup_raw(frame->m, "\n");
}

/* Their names are at the left: what is new, at the right, matters most. */
static void put_levels(const struct frame *frame)
{
    for (size_t i = 0; i < frame->chart->level_count; i++) {
        const struct chart_level *level = &frame->chart->levels[i];
        double y = y_of(frame, level->value);
        markup_put(frame->m, "<path class=\"level\" d=\"M%d ", LEFT);
        put_number(frame->m, y);
        markup_put(frame->m, "H%d\"/><text class=\"halo\" x=\"%d\" y=\"", RIGHT, LEFT + 4);
        put_number(frame->m, i == 0 ? y - 3 : y + 11);
        markup_put(frame->m, "\">%s</text>\n", level->name);
    }
}

static void put_gutter(const struct frame *frame)
{
    if (frame->gutter > frame->bottom) {
        markup_put(frame->m,
                   "<path class=\"gutter\" d=\"M%d %.0fH%dV%.0fH%dz\"/>"
                   "<text class=\"end\" x=\"%d\" y=\"%.0f\">&lt; ",
                   LEFT, frame->bottom, RIGHT, frame->gutter, LEFT, LEFT - 5, frame->gutter + 2);
        put_number(frame->m, frame->chart->low);
        markup_raw(frame->m, "</text>\n");
    }
}

static void put_times(const struct frame *frame)
{
    const struct chart *chart = frame->chart;
    uint64_t step = timeticks_step(chart->until - chart->from, 2 * TICKS);
    double end = frame->gutter;
    for (uint64_t at = timeticks_next(chart->from, step); at < chart->until;
         at = timeticks_next(at, step)) {
        char text[TIMETICKS_ROOM];
        double x = x_of(frame, at);
        timeticks_text(text, at, step);
        markup_raw(frame->m, "<path class=\"tick\" d=\"M");
        put_number(frame->m, x);
        markup_put(frame->m, " %.0fv4\"/>", end);
        if (x >= LEFT + 10 && x <= RIGHT - 16) {
            markup_raw(frame->m, "<text class=\"mid\" x=\"");
            put_number(frame->m, x);
            markup_put(frame->m, "\" y=\"%.0f\">%s</text>", end + 15, text);
        }
    }
    markup_put(frame->m, "<path class=\"axis\" d=\"M%d %.0fH%d\"/>\n", LEFT, end, RIGHT);
}

static void put_marks(const struct frame *frame)
{
    const struct chart *chart = frame->chart;
    for (size_t i = 0; i < chart->mark_count;) {
        const struct chart_mark *mark = &chart->marks[i++];
        if (mark->at < chart->from || mark->at > chart->until) {
            continue;
        }
        double x = x_of(frame, mark->at);
        size_t more = 0;
        for (; i < chart->mark_count && x_of(frame, chart->marks[i].at) < x + MARK_APART; i++) {
            more++;
        }
        markup_raw(frame->m, "<path class=\"mark\" d=\"");
        put_step(frame->m, "M", x - 4, TOP - 9);
        markup_put(frame->m, "h8l-4 7z\"><title>%s", mark->text);
        if (more > 0) {
            markup_put(frame->m, ", and %zu more", more);
        }
        markup_raw(frame->m, "</title></path>\n");
    }
}

/* -- the whole -- */

static void put_inside(const struct frame *frame)
{
    const struct chart *chart = frame->chart;
    double top = frame->gutter + AXIS;
    put_gutter(frame);
    put_values(frame);
    put_levels(frame);
    for (size_t i = 0; i < chart->line_count; i++) {
        put_line(frame, &chart->lines[i]);
    }
    put_times(frame);
    put_marks(frame);
    for (size_t i = 0; i < chart->line_count; i++) {
        if (chart->lines[i].name != NULL) {
            put_row(frame, &chart->lines[i], top);
            top += ROW;
        }
    }
}

static struct frame frame_of(struct markup *m, const struct chart *chart)
{
    ASSERT(chart->until > chart->from && chart->high > chart->low);
    double bottom = TOP + (double)chart->height;
    return (struct frame){ .m = m,
                           .chart = chart,
                           .bottom = bottom,
                           .gutter = bottom + (chart->floor < chart->low ? GUTTER : 0) };
}

static double height_of(const struct frame *frame)
{
    double height = frame->gutter + AXIS;
    for (size_t i = 0; i < frame->chart->line_count; i++) {
        height += frame->chart->lines[i].name != NULL ? ROW : 0;
    }
    return height;
}

static void put_head(const struct frame *frame, const char *attributes)
{
    const struct chart *chart = frame->chart;
    markup_put(frame->m, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-labelledby=\"%s-t %s-d\"",
               CHART_WIDTH, height_of(frame), chart->id, chart->id);
    markup_raw(frame->m, attributes);
    markup_put(frame->m, ">\n<title id=\"%s-t\">%s</title><desc id=\"%s-d\">%s</desc>\n", chart->id,
               chart->title, chart->id, chart->desc);
}

void chart_write(struct markup *m, const struct chart *chart)
{
    const struct frame frame = frame_of(m, chart);
    put_head(&frame, " class=\"chart\"");
    put_inside(&frame);
    markup_raw(m, "</svg>\n");
}

/* As in the stylesheet of the site, which does not count where the file is an image of a page. This
 * one does not where the file is looked at by itself, by the site's policy. */
static const char file_style[] =
    "<style>text{font:12px system-ui,sans-serif;fill:#59636e}.end{text-anchor:end}"
    ".mid{text-anchor:middle}path{fill:none;stroke:#d5dae0;stroke-width:1}"
    ".grid{stroke:#eceff2}.gutter{fill:#f4f6f8;stroke:none}.ground{fill:#fff;stroke:none}"
    ".silent{fill:#b3141d;stroke:none}.l1,.l2,.l3,.l4,.l5,.l6,.l7,.l8{stroke-width:1.5}"
    ".l1{stroke:#1f5fa8}.l2{stroke:#a8480f;stroke-dasharray:7 2}"
    ".l3{stroke:#5b3f9e;stroke-dasharray:2 2}.l4{stroke:#0f7068;stroke-dasharray:9 2 2 2}"
    ".l5{stroke:#8b1d5b;stroke-dasharray:4 4}.l6{stroke:#55700b;stroke-dasharray:12 3}"
    ".l7{stroke:#2b6f8f;stroke-dasharray:1 3}.l8{stroke:#7a4a2a;stroke-dasharray:6 2 2 2 2 2}"
    "@media(max-width:30rem){text{font-size:15px}}"
    "@media(prefers-color-scheme:dark){text{fill:#9aa5b1}path{stroke:#343c46}"
    ".grid{stroke:#232a32}.gutter{fill:#1c2229}.ground{fill:#14181d}.silent{fill:#ff7b72}"
    ".l1{stroke:#7db4f0}.l2{stroke:#f0a070}.l3{stroke:#b9a3f0}.l4{stroke:#6fcfc4}"
    ".l5{stroke:#ef93c4}.l6{stroke:#b7d264}.l7{stroke:#8fcbe6}.l8{stroke:#d9ad8b}}</style>\n";

void chart_write_file(struct markup *m, const struct chart *chart, const char *root)
{
    const struct frame frame = frame_of(m, chart);
    markup_put(m, "<?xml-stylesheet type=\"text/css\" href=\"%sstyle.css\"?>\n", root);
    put_head(&frame, " xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\"");
    markup_raw(m, file_style);
    markup_put(m, "<path class=\"ground\" d=\"M0 0H%dV%.0fH0z\"/>\n", CHART_WIDTH,
               height_of(&frame));
    put_inside(&frame);
    markup_raw(m, "</svg>\n");
}

static int by_value(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

void chart_fit(struct chart *chart, double least, bool both_signs)
{
    double *values = NULL, low = 0, high = 0;
    size_t count = 0, room = 0;
    for (size_t i = 0; i < chart->line_count; i++) {
        for (size_t j = 0; j < chart->lines[i].point_count; j++) {
            double value = chart->lines[i].points[j].value;
            if (isfinite(value)) {
                ARRAY_PUSH(values, count, room, value);
            }
        }
    }
    if (count > 0) {
        qsort(values, count, sizeof(values[0]), by_value);
        size_t outside = (size_t)((double)count * OUTSIDE);
        low = fmin(values[outside], 0);
        high = fmax(values[count - 1 - outside], 0);
    }
    free(values);
    double pad = (high - low) / 10, lacking = fmax(least - (high - low), 0);
    chart->low = both_signs ? low - (low < 0 ? pad : 0) - lacking / 2 : 0;
    chart->high = high + pad + (both_signs ? lacking / 2 : lacking);
}
