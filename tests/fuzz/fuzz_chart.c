/* Any values as a chart: all numbers in it are finite, all texts are escaped, and it stays inside.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/site/chart.h"
#include "zone/base/result.h"
#include "zone/base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    POINTS = 400,
    NAME_ROOM = 40,
    SPAN_S = 172800
};

static double read_double(struct reader *r)
{
    uint64_t bits = read_u64(r);
    double value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Points in any place, in order of time. */
static size_t read_points(struct reader *r, struct chart_point *points, uint64_t from)
{
    size_t count = read_u8(r), used = 0;
    uint64_t at = from;
    for (; used < count && used < POINTS; used++) {
        at += read_u16(r);
        points[used] = (struct chart_point){ at, read_double(r) };
    }
    return used;
}

static size_t read_spans(struct reader *r, struct chart_span *spans, uint64_t from)
{
    size_t count = read_u8(r), used = 0;
    uint64_t at = from;
    for (; used < count; used++) {
        at += read_u16(r);
        spans[used] = (struct chart_span){ at, at + read_u16(r),
                                           (enum chart_trouble)(read_u8(r) % CHART_TROUBLES) };
    }
    return used;
}

/* Our markup has neither of these; a text that has one was not escaped. */
static void check(const struct markup *m)
{
    ASSERT(strstr(m->text, "nan") == NULL && strstr(m->text, "inf") == NULL);
    ASSERT(strstr(m->text, "<b") == NULL && strchr(m->text, '\x1b') == NULL);
    size_t opened = 0, closed = 0;
    for (const char *p = m->text; *p != 0; p++) {
        opened += *p == '<';
        closed += *p == '>';
    }
    ASSERT(opened == closed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct chart_point points[POINTS];
    static struct chart_span spans[UINT8_MAX];
    struct reader r = reader_of(data, size);
    struct chart_line line = { .points = points, .spans = spans, .watched = true };
    struct chart chart = { .id = "c",
                           .title = "t",
                           .desc = "d",
                           .from = 1796000000,
                           .until = 1796000000 + SPAN_S,
                           .gap_s = read_u16(&r),
                           .unit = "u",
                           .height = 1 + read_u8(&r),
                           .lines = &line,
                           .line_count = 1 };
    bool fit = (read_u8(&r) & 1) != 0;
    double low = read_double(&r), range = read_double(&r), floor_of = read_double(&r);
    line.style = read_u8(&r);
    line.point_count = read_points(&r, points, chart.from - UINT16_MAX);
    line.span_count = read_spans(&r, spans, chart.from - UINT16_MAX);
    char name[NAME_ROOM] = "";
    size_t left = r.len - r.at;
    memcpy(name, r.data + r.at, left < sizeof(name) - 1 ? left : sizeof(name) - 1);
    for (char *p = name; *p != 0; p++) {
        if (*p == 'n') {
            *p = 'm'; /* check looks for numbers that are none */
        }
    }
    line.name = name;
    const struct chart_mark mark = { chart.from + 5, name };
    chart.marks = &mark;
    chart.mark_count = 1;
    chart.low = isfinite(low) && fabs(low) < 1e12 ? low : 0;
    chart.high = chart.low + (isfinite(range) && range > 1e-6 && range < 1e12 ? range : 1);
    chart.floor = isfinite(floor_of) ? floor_of : 0;
    if (chart.high <= chart.low) {
        return 0;
    }
    if (fit) {
        chart_fit(&chart, 1, line.style % 2 == 0);
    }
    struct markup m = { 0 };
    chart_write(&m, &chart);
    check(&m);
    markup_clear(&m);
    chart_write_file(&m, &chart, "");
    check(&m);
    markup_done(&m);
    return 0;
}
