#include "tools/site/membercharts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/site/chart.h"
#include "tools/site/memberword.h"

enum {
    DAY_S = 86400,
    GAP_S = TRACK_CARRY * HISTORY_QUARTER_S,
    LINES_MAX = VANTAGES_MAX + 1,
    SCORE_HEIGHT = 120,
    TIME_HEIGHT = 62,
    TEXT_ROOM = 400,
    ID_ROOM = 16
};

/* The offset's axis is not finer than this; that of round trips not finer than ten times that. */
#define OFFSET_LEAST_MS 0.2

/* The lines of one chart, and the memory for them. */
struct drawing {
    const struct membertrack *track;
    struct chart chart;
    struct chart_line lines[LINES_MAX];
    struct chart_point *points; /* 2 a quarter and line */
    struct chart_span *spans;   /* one a quarter and line */
    char notes[LINES_MAX][48];
    char title[TEXT_ROOM], desc[TEXT_ROOM], id[ID_ROOM];
};

static struct drawing *drawing_new(const struct membertrack *track)
{
    struct drawing *drawing = xcalloc(1, sizeof(*drawing));
    size_t lines = track->view.row_count + 1;
    drawing->track = track;
    drawing->points = xcalloc(lines * HISTORY_QUARTERS * 2, sizeof(struct chart_point));
    drawing->spans = xcalloc(lines * HISTORY_QUARTERS, sizeof(struct chart_span));
    drawing->chart = (struct chart){ .id = drawing->id,
                                     .title = drawing->title,
                                     .desc = drawing->desc,
                                     .from = track->from,
                                     .until = track->now,
                                     .gap_s = GAP_S,
                                     .lines = drawing->lines };
    return drawing;
}

static void drawing_free(struct drawing *drawing)
{
    free(drawing->points);
    free(drawing->spans);
    free(drawing);
}

static enum chart_trouble trouble_of(enum failure failure)
{
    return failure_is_ours(failure)     ? CHART_OURS
           : failure_was_heard(failure) ? CHART_WRONG
                                        : CHART_SILENT;
}

static void add_spans(struct drawing *drawing, struct chart_line *line,
                      const struct track_subject *subject)
{
    struct chart_span *spans = drawing->spans + drawing->chart.line_count * HISTORY_QUARTERS;
    line->spans = spans;
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        if (subject->quarters[i].failures > 0) {
            uint64_t from = drawing->track->from + i * HISTORY_QUARTER_S;
            spans[line->span_count++] =
                (struct chart_span){ from, from + HISTORY_QUARTER_S,
                                     trouble_of(subject->quarters[i].failure) };
        }
    }
}

/* The lowest score and the last one of each quarter, so that no dip is lost. */
static size_t score_points(struct chart_point *points, const struct track_subject *subject)
{
    size_t count = 0;
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        const struct track_quarter *quarter = &subject->quarters[i];
        if (quarter->probes > 0 && quarter->low_at < quarter->last_at) {
            points[count++] =
                (struct chart_point){ quarter->low_at, quarter->score_low_milli / 1000.0 };
        }
        if (quarter->probes > 0) {
            points[count++] =
                (struct chart_point){ quarter->last_at, quarter->score_milli / 1000.0 };
        }
    }
    return count;
}

static struct chart_line *next_line(struct drawing *drawing)
{
    return &drawing->lines[drawing->chart.line_count];
}

static struct chart_point *next_points(struct drawing *drawing)
{
    return drawing->points + drawing->chart.line_count * HISTORY_QUARTERS * 2;
}

/* The end of a quarter, or now if that is earlier. */
static uint64_t end_of(const struct membertrack *track, size_t quarter)
{
    uint64_t end = track->from + (quarter + 1) * HISTORY_QUARTER_S;
    return end < track->now ? end : track->now;
}

static void add_median(struct drawing *drawing, unsigned address)
{
    const struct membertrack *track = drawing->track;
    struct chart_line *line = next_line(drawing);
    struct chart_point *points = next_points(drawing);
    char *note = drawing->notes[drawing->chart.line_count];
    *line = (struct chart_line){ .name = "median", .note = note, .points = points };
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        double milli = track->median_milli[address][i];
        if (isfinite(milli)) {
            points[line->point_count++] = (struct chart_point){ end_of(track, i), milli / 1000 };
            (void)snprintf(note, sizeof(drawing->notes[0]), "last %.1f", milli / 1000);
        }
    }
    drawing->chart.line_count++;
}

/* A line for each vantage point, with its row. The style is that of the vantage point, so it is the
 * same in all charts. */
static void add_scores(struct drawing *drawing, unsigned address)
{
    const struct membertrack *track = drawing->track;
    for (size_t i = 0; i < track->subject_count; i++) {
        const struct track_subject *subject = &track->subjects[i];
        if (subject->address != address) {
            continue;
        }
        struct chart_line *line = next_line(drawing);
        struct chart_point *points = next_points(drawing);
        char *note = drawing->notes[drawing->chart.line_count];
        *line = (struct chart_line){ .name = membertrack_vantage(track, subject),
                                     .note = note,
                                     .style = 1 + subject->row % (CHART_STYLES - 1),
                                     .points = points,
                                     .watched = true };
        (void)snprintf(note, sizeof(drawing->notes[0]), "%u of %u probes failed", subject->failures,
                       subject->probes);
        line->point_count = score_points(points, subject);
        add_spans(drawing, line, subject);
        drawing->chart.line_count++;
    }
}

static void write_scores(struct markup *m, const struct membertrack *track,
                         const struct settings *settings, unsigned address)
{
    struct drawing *drawing = drawing_new(track);
    bool fresh = memberword_of(&track->view) == MEMBERWORD_NEW;
    int32_t entry_milli = fresh ? settings->entry_score_milli : settings->reentry_score_milli;
    const struct chart_level levels[] = {
        { entry_milli / 1000.0, "in from here" },
        { settings->exit_score_milli / 1000.0, "out below" },
    };
    struct chart_mark marks[HISTORY_EVENTS];
    char text[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < track->event_count; i++) {
        marks[i] = (struct chart_mark){ track->events[i].at, track->events[i].text };
    }
    add_median(drawing, address);
    add_scores(drawing, address);
    drawing->chart.low = 0;
    drawing->chart.high = HEALTH_SCORE_MAX / 1000.0;
    drawing->chart.floor = HEALTH_SCORE_MIN / 1000.0;
    drawing->chart.unit = "score";
    drawing->chart.height = SCORE_HEIGHT;
    drawing->chart.levels = levels;
    drawing->chart.level_count = levels[0].value == levels[1].value ? 1 : 2;
    drawing->chart.marks = marks;
    drawing->chart.mark_count = track->event_count;
    (void)snprintf(drawing->id, sizeof(drawing->id), "score-%u", address);
    (void)snprintf(drawing->title, sizeof(drawing->title), "Score of %s in the last two days",
                   address_text(&track->addresses[address], text));
    (void)snprintf(drawing->desc, sizeof(drawing->desc),
                   "From -100 to 20, by vantage point, and their median. A ribbon under each name "
                   "shows when probes failed. The table has the same in figures.");
    chart_write(m, &drawing->chart);
    drawing_free(drawing);
}

struct quantity {
    const char *name, *unit, *id;
    double (*of)(const struct track_quarter *quarter);
    bool both_signs;
    double least;
};

static const struct quantity quantities[] = {
    { "Time offset", "offset, ms", "offset", track_quarter_offset_ms, true, OFFSET_LEAST_MS },
    { "Round trip", "round trip, ms", "trip", track_quarter_rtt_ms, false, 10 * OFFSET_LEAST_MS },
};

/* Of two quarters: more points would be noise. */
static double mean_of(const struct quantity *quantity, const struct track_quarter *quarters)
{
    double first = quantity->of(&quarters[0]), second = quantity->of(&quarters[1]);
    return isnan(first) ? second : isnan(second) ? first : (first + second) / 2;
}

static void add_means(struct drawing *drawing, unsigned address, const struct quantity *quantity)
{
    const struct membertrack *track = drawing->track;
    for (size_t i = 0; i < track->subject_count; i++) {
        const struct track_subject *subject = &track->subjects[i];
        if (subject->address != address) {
            continue;
        }
        struct chart_line *line = next_line(drawing);
        struct chart_point *points = next_points(drawing);
        *line =
            (struct chart_line){ .style = 1 + subject->row % (CHART_STYLES - 1), .points = points };
        for (size_t j = 0; j + 1 < HISTORY_QUARTERS; j += 2) {
            double value = mean_of(quantity, &subject->quarters[j]);
            if (isfinite(value)) {
                points[line->point_count++] = (struct chart_point){ end_of(track, j), value };
            }
        }
        drawing->chart.line_count++;
    }
}

static void write_quantity(struct markup *m, const struct membertrack *track, unsigned address,
                           const struct quantity *quantity)
{
    struct drawing *drawing = drawing_new(track);
    char text[ADDRESS_TEXT_MAX];
    add_means(drawing, address, quantity);
    drawing->chart.unit = quantity->unit;
    drawing->chart.height = TIME_HEIGHT;
    chart_fit(&drawing->chart, quantity->least, quantity->both_signs);
    drawing->chart.floor = drawing->chart.low;
    (void)snprintf(drawing->id, sizeof(drawing->id), "%s-%u", quantity->id, address);
    (void)snprintf(drawing->title, sizeof(drawing->title), "%s of %s in the last two days",
                   quantity->name, address_text(&track->addresses[address], text));
    (void)snprintf(drawing->desc, sizeof(drawing->desc),
                   "Means of half an hour in milliseconds, by vantage point. Values far "
                   "off are drawn at the edge. The table has the same in figures.");
    chart_write(m, &drawing->chart);
    drawing_free(drawing);
}

void membercharts_write(struct markup *m, const struct membertrack *track,
                        const struct settings *settings, unsigned address)
{
    markup_raw(m, "<div class=\"charts\">\n<figure>\n");
    write_scores(m, track, settings, address);
    markup_raw(m, "</figure>\n<figure>\n");
    for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++) {
        write_quantity(m, track, address, &quantities[i]);
    }
    markup_raw(m, "</figure>\n</div>\n");
}

/* -- a year -- */

struct year {
    struct chart_line lines[MEMBER_ADDRESSES_MAX];
    struct chart_point points[MEMBER_ADDRESSES_MAX][TRACK_DAYS];
    struct chart_span spans[MEMBER_ADDRESSES_MAX][TRACK_DAYS];
    char names[MEMBER_ADDRESSES_MAX][ADDRESS_TEXT_MAX], notes[MEMBER_ADDRESSES_MAX][48];
};

/* A day on which one probe in a hundred failed shows in the ribbon. */
static bool is_bad(const struct track_day *day)
{
    return day->failures > 0 && day->failures >= (day->probes + 99) / 100;
}

static void add_year(struct year *year, const struct membertrack *track,
                     const struct memberdays *days, unsigned address)
{
    struct chart_line *line = &year->lines[address];
    uint64_t probes = 0, failures = 0;
    *line =
        (struct chart_line){ .name = address_text(&track->addresses[address], year->names[address]),
                             .note = year->notes[address],
                             .style = 1 + address % (CHART_STYLES - 1),
                             .points = year->points[address],
                             .watched = true,
                             .spans = year->spans[address] };
    for (size_t i = 0; i < TRACK_DAYS; i++) {
        const struct track_day *day = &days->days[address][i];
        uint64_t from = (days->first + i) * DAY_S;
        if (day->probes == 0) {
            continue;
        }
        probes += day->probes;
        failures += day->failures;
        year->points[address][line->point_count++] =
            (struct chart_point){ from + DAY_S / 2,
                                  (double)day->score_sum_milli / day->probes / 1000 };
        if (is_bad(day)) {
            year->spans[address][line->span_count++] =
                (struct chart_span){ from, from + DAY_S, CHART_SILENT };
        }
    }
    if (probes > 0) {
        /* not rounded up: 100 % means that none failed */
        double good = floor(1e4 * (double)(probes - failures) / (double)probes) / 100;
        (void)snprintf(year->notes[address], sizeof(year->notes[0]), "%.*f %% of probes good",
                       good < 100 ? 2 : 0, good);
    }
}

void membercharts_write_year(struct markup *m, const struct membertrack *track,
                             const struct memberdays *days)
{
    struct year *year = xcalloc(1, sizeof(*year));
    char title[TEXT_ROOM];
    for (unsigned i = 0; i < track->address_count; i++) {
        add_year(year, track, days, i);
    }
    (void)snprintf(title, sizeof(title), "Score of %s in the last year", track->view.member.label);
    const struct chart chart = { .id = "year",
                                 .title = title,
                                 .desc =
                                     "Mean score of each day, of all vantage points together. A "
                                     "ribbon shows days on which one probe in a hundred failed.",
                                 .from = days->first * DAY_S,
                                 .until = (days->first + TRACK_DAYS) * DAY_S,
                                 .gap_s = (uint64_t)2 * DAY_S,
                                 .low = 0,
                                 .high = HEALTH_SCORE_MAX / 1000.0,
                                 .floor = HEALTH_SCORE_MIN / 1000.0,
                                 .unit = "mean score of a day",
                                 .height = SCORE_HEIGHT,
                                 .lines = year->lines,
                                 .line_count = track->address_count };
    chart_write_file(m, &chart, "../");
    free(year);
}
