/* Writes metrics as text, in Prometheus' format 0.0.4 or in OpenMetrics 1.0.
 *
 *     openmetrics_family(&om, OPENMETRICS_COUNTER, "ntspool_dns_queries_total", "Messages.");
 *     openmetrics_sample(&om, 12, "transport", "udp", "family", "ipv4", NULL);
 *
 * Begin each family once; all of its samples follow. The labels of a sample are pairs of name and
 * value, ended by NULL. A value may be any text: what is not printable ASCII becomes "?", so that
 * one odd octet can't spoil the whole scrape. Names and help come from the
 * program and are written as they are.
 *
 * A failure sticks, as in zone/base/wire.h: write everything, then ask openmetrics_end once. */
#ifndef ZONE_OPENMETRICS_H
#define ZONE_OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPENMETRICS_MAX = 4 << 20, /* octets of text: 40,000 samples */
    OPENMETRICS_LABELS = 8     /* of a sample */
};

/* 0.0.4 is what every scraper reads. OpenMetrics has other names in the HELP and TYPE lines of
 * counters, and an end. */
enum openmetrics_format {
    OPENMETRICS_PROMETHEUS,
    OPENMETRICS_1_0
};
enum openmetrics_type {
    OPENMETRICS_COUNTER, /* the name ends in "_total" */
    OPENMETRICS_GAUGE,
    OPENMETRICS_HISTOGRAM,
    OPENMETRICS_SUMMARY
};

struct openmetrics {
    enum openmetrics_format format;
    char *text; /* not ended by NUL */
    size_t len, room;
    bool failed; /* the text would be longer than OPENMETRICS_MAX */
    const char *family;
    enum openmetrics_type type;
};

void openmetrics_init(struct openmetrics *om, enum openmetrics_format format);
void openmetrics_done(struct openmetrics *om);
/* The value of Content-Type. */
const char *openmetrics_content_type(enum openmetrics_format format);

/* Begins a family. `name` must outlive the family. */
void openmetrics_family(struct openmetrics *om, enum openmetrics_type type, const char *name,
                        const char *help);
/* One value of a counter or gauge. A value that is not finite is left out. */
void openmetrics_sample(struct openmetrics *om, double value, ...) __attribute__((sentinel));

/* A family of one value without labels. */
void openmetrics_single(struct openmetrics *om, enum openmetrics_type type, const char *name,
                        const char *help, double value);

/* What a histogram has counted: values up to bounds[0], from there up to bounds[1] and so on, and,
 * last of the count + 1 buckets, those over all bounds. */
struct openmetrics_buckets {
    const double *bounds;
    const uint64_t *buckets;
    size_t count;
    double sum;
};
void openmetrics_histogram(struct openmetrics *om, const struct openmetrics_buckets *buckets, ...)
    __attribute__((sentinel));

/* values[i] is the quantile[i]. */
struct openmetrics_quantiles {
    const double *quantiles, *values;
    size_t count;
    double sum;
    uint64_t observations;
};
void openmetrics_summary(struct openmetrics *om, const struct openmetrics_quantiles *quantiles, ...)
    __attribute__((sentinel));

/* Ends the text. False: it is too long, and not to be used. */
bool openmetrics_end(struct openmetrics *om);

#endif
