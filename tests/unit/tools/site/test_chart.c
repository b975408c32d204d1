#include <math.h>

#include "tests/unit/unit.h"
#include "tools/site/chart.h"

enum {
    BEGIN = 1796000000,
    SPAN_S = 172800,
    POINTS = 2700,
    LEFT = 34, /* of the plot in the view box */
    RIGHT = CHART_WIDTH - 8,
    TOP = 24,
    BOTTOM = TOP + 120
};

static struct markup m;
static struct chart_point points[POINTS];
static struct chart_span spans[POINTS];
static struct chart_line line;

/* A chart of one line of scores. */
static struct chart a_chart(void)
{
    line = (struct chart_line){ .name = "tokyo", .note = "good", .style = 1, .points = points };
    return (struct chart){ .id = "c",
                           .title = "Title",
                           .desc = "Description",
                           .from = BEGIN,
                           .until = BEGIN + SPAN_S,
                           .gap_s = 3600,
                           .low = 0,
                           .high = 20,
                           .floor = -100,
                           .unit = "score",
                           .height = 120,
                           .lines = &line,
                           .line_count = 1 };
}

static void add(uint64_t after_s, double value)
{
    points[line.point_count++] = (struct chart_point){ BEGIN + after_s, value };
}

static const char *drawn(const struct chart *chart)
{
    markup_clear(&m);
    chart_write(&m, chart);
    return m.text;
}

/* The path of the line, without the sample of it in its row, which comes later. */
static const char *path_of(const struct chart *chart, char out[8192])
{
    const char *from = strstr(drawn(chart), "<path class=\"l1\" d=\"");
    assert_non_null(from);
    from += strlen("<path class=\"l1\" d=\"");
    size_t len = strcspn(from, "\"");
    assert_true(len < 8192);
    memcpy(out, from, len);
    out[len] = 0;
    return out;
}

static size_t count_of(const char *text, char what)
{
    size_t count = 0;
    for (; *text != 0; text++) {
        count += *text == what;
    }
    return count;
}

/* The lowest and the highest place that the path reaches. */
static void extent_of(const char *path, double *top, double *bottom)
{
    double x = 0, y = 0;
    *top = INFINITY;
    *bottom = -INFINITY;
    for (const char *p = path; *p != 0;) {
        char *end = NULL;
        char command = *p++;
        double dx = strtod(p, &end), dy = 0;
        assert_ptr_not_equal(p, end);
        p = end;
        if (command != 'h') {
            dy = strtod(p, &end);
            assert_ptr_not_equal(p, end);
            p = end;
        }
        x = command == 'M' ? dx : x + dx;
        y = command == 'M' ? dy : y + dy;
        assert_true(x >= LEFT - 0.5 && x <= RIGHT + 1);
        *top = fmin(*top, y);
        *bottom = fmax(*bottom, y);
    }
}

static void a_chart_is_a_picture_with_title_and_description(void **)
{
    struct chart chart = a_chart();
    const char *text = drawn(&chart);
    assert_non_null(strstr(text, "role=\"img\" aria-labelledby=\"c-t c-d\""));
    assert_non_null(strstr(text, "<title id=\"c-t\">Title</title><desc id=\"c-d\">Description<"));
    assert_null(strstr(text, "style="));
    assert_null(strstr(text, "xmlns"));
}

static void a_file_has_its_own_style_for_light_and_dark(void **)
{
    struct chart chart = a_chart();
    markup_clear(&m);
    chart_write_file(&m, &chart, "../");
    assert_non_null(strstr(m.text, "xmlns=\"http://www.w3.org/2000/svg\""));
    assert_non_null(strstr(m.text, "prefers-color-scheme:dark"));
    assert_non_null(strstr(m.text, "href=\"../style.css\""));
}

static void values_have_their_places(void **)
{
    char path[8192];
    struct chart chart = a_chart();
    add(0, 20);
    add(1800, 0);
    assert_string_equal(path_of(&chart, path), "M34 24l4.6 120");
}

static void points_that_do_not_show_are_left_out(void **)
{
    char path[8192];
    struct chart chart = a_chart();
    for (unsigned i = 0; i < POINTS; i++) {
        add(i * 64ULL, 20);
    }
    assert_string_equal(path_of(&chart, path), "M34 24h437.8");
}

static void a_slope_is_one_piece(void **)
{
    char path[8192];
    struct chart chart = a_chart();
    for (unsigned i = 0; i < POINTS; i++) {
        add(i * 64ULL, 20.0 * i / POINTS);
    }
    path_of(&chart, path);
    assert_in_range(count_of(path, 'l'), 1, 3);
}

static void no_line_is_further_from_its_points_than_the_tolerance(void **)
{
    char path[8192];
    double x = 0, y = 0, seed = 1;
    struct chart chart = a_chart();
    for (unsigned i = 0; i < 190; i++) {
        seed = fmod(seed * 16807, 2147483647);
        add(i * 900ULL, 10 + fmod(seed, 2)); /* at most 5.3 up or down for one to the right */
    }
    const char *p = path_of(&chart, path);
    unsigned next = 0;
    while (*p != 0) {
        char *end = NULL;
        char command = *p++;
        double to_x = strtod(p, &end), to_y = 0;
        p = end;
        if (command != 'h') {
            to_y = strtod(p, &end);
            p = end;
        }
        to_x += command == 'M' ? 0 : x;
        to_y += command == 'M' ? 0 : y;
        for (; next < line.point_count; next++) {
            double px = LEFT + (RIGHT - LEFT) * next * 900.0 / SPAN_S;
            double py = BOTTOM - 120 * points[next].value / 20;
            if (px > to_x + 0.06) {
                break;
            }
            double on = to_x > x && command != 'M' ? y + (to_y - y) * (px - x) / (to_x - x) : to_y;
            assert_true(fabs(on - py) <
                        0.4 + 0.05 + 0.05 * 5.3); /* numbers are rounded to tenths */
        }
        x = to_x;
        y = to_y;
    }
    assert_int_equal(next, line.point_count);
}

static void a_line_breaks_where_nothing_is_known(void **)
{
    char path[8192];
    struct chart chart = a_chart();
    add(0, 20);
    add(3600, 20);
    add(7201, 20);
    add(7300, NAN);
    add(7400, 20);
    path_of(&chart, path);
    assert_int_equal(count_of(path, 'M'), 2);
}

static void a_single_point_shows(void **)
{
    char path[8192];
    struct chart chart = a_chart();
    add(0, 10);
    assert_string_equal(path_of(&chart, path), "M34 84h1");
}

static void extreme_values_stay_inside(void **)
{
    char path[8192];
    double top = 0, bottom = 0;
    struct chart chart = a_chart();
    const double values[] = {
        1e300, -1e300, INFINITY, -INFINITY, NAN, 20.0001, -100, -99, 0, -0.0
    };
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        add(i * 600ULL, values[i]);
    }
    points[line.point_count++] = (struct chart_point){ BEGIN - 5, 1 };
    points[line.point_count++] = (struct chart_point){ UINT64_MAX, 1 };
    extent_of(path_of(&chart, path), &top, &bottom);
    assert_true(top >= TOP - 0.1);
    assert_true(bottom <= BOTTOM + 14.1);
    assert_null(strstr(m.text, "nan"));
    assert_null(strstr(m.text, "inf"));
}

static void what_is_under_the_axis_is_in_the_gutter(void **)
{
    char path[8192];
    double top = 0, bottom = 0;
    struct chart chart = a_chart();
    add(0, -50);
    extent_of(path_of(&chart, path), &top, &bottom);
    assert_true(bottom == BOTTOM + 7);
    assert_non_null(strstr(m.text, "class=\"gutter\""));
    chart.floor = 0;
    extent_of(path_of(&chart, path), &top, &bottom);
    assert_true(bottom == BOTTOM);
    assert_null(strstr(m.text, "class=\"gutter\""));
}

static void spans_that_touch_are_one_box_of_a_ribbon(void **)
{
    struct chart chart = a_chart();
    line.watched = true;
    line.spans = spans;
    for (unsigned i = 0; i < 100; i++) {
        spans[line.span_count++] =
            (struct chart_span){ BEGIN + i * 900ULL, BEGIN + (i + 1) * 900ULL, CHART_SILENT };
    }
    spans[line.span_count++] = (struct chart_span){ BEGIN + 160000, BEGIN + 160064, CHART_SILENT };
    spans[line.span_count++] = (struct chart_span){ BEGIN + 165000, BEGIN + 165900, CHART_OURS };
    const char *text = drawn(&chart);
    const char *silent = strstr(text, "class=\"silent\" d=\"");
    assert_non_null(silent);
    char path[8192];
    (void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(silent + 18, "\""), silent + 18);
    assert_int_equal(count_of(path, 'M'), 2);
    assert_non_null(strstr(path, "h228.1v6h-228.1z")); /* 90,000 s of 172,800 */
    assert_non_null(strstr(path, "h1v6h-1z"));         /* short ones show, too */
    assert_non_null(strstr(text, "class=\"ours\" d=\""));
    assert_null(strstr(text, "class=\"wrong\""));
}

static void marks_that_would_cover_each_other_are_one(void **)
{
    static const struct chart_mark marks[] = {
        { BEGIN - 1, "before" },  { BEGIN + 100, "<first>" }, { BEGIN + 200, "second" },
        { BEGIN + 300, "third" }, { BEGIN + 90000, "late" },  { BEGIN + SPAN_S + 1, "after" }
    };
    struct chart chart = a_chart();
    chart.marks = marks;
    chart.mark_count = sizeof(marks) / sizeof(marks[0]);
    const char *text = drawn(&chart);
    assert_non_null(strstr(text, "<title>&lt;first&gt;, and 2 more</title>"));
    assert_non_null(strstr(text, "<title>late</title>"));
    assert_null(strstr(text, "second"));
    assert_null(strstr(text, "before"));
    assert_null(strstr(text, "after"));
}

static void texts_are_escaped(void **)
{
    struct chart chart = a_chart();
    const struct chart_level level = { 10, "<level>" };
    chart.title = "<title>";
    chart.desc = "\"desc\"";
    chart.unit = "<unit>";
    chart.levels = &level;
    chart.level_count = 1;
    line.name = "</svg><script>";
    line.note = "&";
    const char *text = drawn(&chart);
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<level>"));
    assert_null(strstr(text, "<unit>"));
    assert_null(strstr(text, "\"desc\""));
    assert_non_null(strstr(text, "&lt;/svg&gt;&lt;script&gt;"));
}

static void the_size_does_not_grow_with_the_points(void **)
{
    struct chart chart = a_chart();
    for (unsigned i = 0; i < POINTS; i++) {
        add(i * 64ULL, i % 2 == 0 ? 0 : 20);
    }
    assert_true(strlen(drawn(&chart)) < (size_t)POINTS * 14);
    for (unsigned i = 0; i < POINTS; i++) {
        points[i].value = 20 - (i % 2) * 0.01;
    }
    assert_true(strlen(drawn(&chart)) < 2500);
}

static void an_axis_fits_all_but_what_is_far_off(void **)
{
    struct chart chart = a_chart();
    for (unsigned i = 0; i < 300; i++) {
        add(i * 600ULL, i == 7 ? 1e6 : (i % 10) - 3.0);
    }
    chart_fit(&chart, 1, true);
    assert_true(chart.low < -3 && chart.low > -5);
    assert_true(chart.high > 6 && chart.high < 8);
    chart_fit(&chart, 1, false);
    assert_true(chart.low == 0);
    line.point_count = 0;
    add(0, 0);
    chart_fit(&chart, 0.2, true);
    assert_true(fabs(chart.low + 0.1) < 1e-9 && fabs(chart.high - 0.1) < 1e-9);
    line.point_count = 0;
    chart_fit(&chart, 2, false);
    assert_true(chart.low == 0 && chart.high == 2);
}

static void values_of_the_axis_are_short(void **)
{
    struct chart chart = a_chart();
    chart.floor = chart.low;
    chart.high = 5000000;
    assert_non_null(strstr(drawn(&chart), ">2000k</text>"));
    chart.high = 50000000;
    assert_non_null(strstr(drawn(&chart), ">20M</text>"));
    chart.high = 0.25;
    assert_non_null(strstr(drawn(&chart), ">0.1</text>"));
    chart.high = 1000;
    assert_non_null(strstr(drawn(&chart), ">500</text>"));
    chart.low = chart.floor = 1e17;
    chart.high = 1e17 + 16;
    assert_non_null(strstr(drawn(&chart), "</svg>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chart_is_a_picture_with_title_and_description),
        cmocka_unit_test(a_file_has_its_own_style_for_light_and_dark),
        cmocka_unit_test(values_have_their_places),
        cmocka_unit_test(points_that_do_not_show_are_left_out),
        cmocka_unit_test(a_slope_is_one_piece),
        cmocka_unit_test(no_line_is_further_from_its_points_than_the_tolerance),
        cmocka_unit_test(a_line_breaks_where_nothing_is_known),
        cmocka_unit_test(a_single_point_shows),
        cmocka_unit_test(extreme_values_stay_inside),
        cmocka_unit_test(what_is_under_the_axis_is_in_the_gutter),
        cmocka_unit_test(spans_that_touch_are_one_box_of_a_ribbon),
        cmocka_unit_test(marks_that_would_cover_each_other_are_one),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(the_size_does_not_grow_with_the_points),
        cmocka_unit_test(values_of_the_axis_are_short),
        cmocka_unit_test(an_axis_fits_all_but_what_is_far_off),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    markup_done(&m);
    return failed;
}
