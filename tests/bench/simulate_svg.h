/* Plain line plots as SVG files. */
#ifndef TESTS_BENCH_SIMULATE_SVG_H
#define TESTS_BENCH_SIMULATE_SVG_H

#include <stdbool.h>
#include <stddef.h>

struct plot_line {
    const char *name;
    const double *x, *y;
    size_t count;
};

struct plot {
    const char *title, *x_name, *y_name;
    double x[2], y[2]; /* range; values outside it are drawn at the edge */
    bool log_y;
};

/* Writes `directory`/`name`, with at most six lines. Aborts with a message on failure. */
void plot_write(const struct plot *plot, const struct plot_line *lines, size_t count,
                const char *directory, const char *name);

#endif
