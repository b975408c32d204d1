#include "simulate_svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WIDTH = 640,
    HEIGHT = 400,
    LEFT = 70,
    RIGHT = 110,
    TOP = 36,
    BOTTOM = 50,
    POINTS_MAX = 400 /* per line */
};

static double scaled(double value, const double *range, bool logarithmic)
{
    double low = logarithmic ? log10(range[0]) : range[0];
    double high = logarithmic ? log10(range[1]) : range[1];
    double at = logarithmic ? log10(fmax(value, range[0])) : value;
    return fmin(1, fmax(0, (at - low) / (high - low)));
}

static double x_at(const struct plot *plot, double x)
{
    return LEFT + scaled(x, plot->x, false) * (WIDTH - LEFT - RIGHT);
}

static double y_at(const struct plot *plot, double y)
{
    return HEIGHT - BOTTOM - scaled(y, plot->y, plot->log_y) * (HEIGHT - TOP - BOTTOM);
}

static void grid(FILE *file, const struct plot *plot)
{
    for (int i = 0; i <= 5; i++) {
        double x = plot->x[0] + (plot->x[1] - plot->x[0]) * i / 5;
        (void)fprintf(file,
                      "<path d='M%.1f %d V%d' stroke='#ddd'/><text x='%.1f' y='%d' "
                      "text-anchor='middle'>%g</text>\n",
                      x_at(plot, x), TOP, HEIGHT - BOTTOM, x_at(plot, x), HEIGHT - BOTTOM + 16, x);
    }
    double decades = plot->log_y ? round(log10(plot->y[1] / plot->y[0])) : 5;
    for (int i = 0; i <= (int)decades; i++) {
        double y = plot->log_y ? plot->y[0] * pow(10, i)
                               : plot->y[0] + (plot->y[1] - plot->y[0]) * i / decades;
        (void)fprintf(file,
                      "<path d='M%d %.1f H%d' stroke='#ddd'/><text x='%d' y='%.1f' "
                      "text-anchor='end'>%g</text>\n",
                      LEFT, y_at(plot, y), WIDTH - RIGHT, LEFT - 6, y_at(plot, y) + 4, y);
    }
}

static void line(FILE *file, const struct plot *plot, const struct plot_line *each, size_t number)
{
    static const char *const colours[] = { "#c33", "#888", "#27a", "#2a6", "#c80", "#639" };
    const char *colour = colours[number % (sizeof(colours) / sizeof(colours[0]))];
    size_t stride = each->count > POINTS_MAX ? each->count / POINTS_MAX : 1;
    (void)fprintf(file, "<polyline fill='none' stroke='%s' stroke-width='2' points='", colour);
    for (size_t i = 0; i < each->count; i += stride) {
        (void)fprintf(file, "%.1f,%.1f ", x_at(plot, each->x[i]), y_at(plot, each->y[i]));
    }
    size_t last = each->count - 1;
    (void)fprintf(file, "%.1f,%.1f'/>\n", x_at(plot, each->x[last]), y_at(plot, each->y[last]));
    (void)fprintf(file, "<text x='%d' y='%d' fill='%s'>%s</text>\n", WIDTH - RIGHT + 10,
                  TOP + 14 + (int)number * 18, colour, each->name);
}

void plot_write(const struct plot *plot, const struct plot_line *lines, size_t count,
                const char *directory, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    (void)fprintf(file,
                  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' "
                  "font-family='sans-serif' font-size='12'>\n<rect width='%d' height='%d' "
                  "fill='#fff'/>\n<text x='%d' y='20' font-size='14'>%s</text>\n",
                  WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, plot->title);
    grid(file, plot);
    for (size_t i = 0; i < count; i++) {
        line(file, plot, &lines[i], i);
    }
    (void)fprintf(file,
                  "<text x='%d' y='%d' text-anchor='middle'>%s</text>\n<text x='16' y='%d' "
                  "text-anchor='middle' transform='rotate(-90 16 %d)'>%s</text>\n</svg>\n",
                  (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, plot->x_name,
                  (TOP + HEIGHT - BOTTOM) / 2, (TOP + HEIGHT - BOTTOM) / 2, plot->y_name);
    if (fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}
