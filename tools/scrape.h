/* Reads the metrics that a program serves on a UNIX socket, in Prometheus' format 0.0.4. The
 * program may be any: what it sends is bounded in length and time, and harmless. */
#ifndef TOOLS_SCRAPE_H
#define TOOLS_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/base/result.h"

enum {
    SCRAPE_MAX = 4 << 20,  /* octets, with the head of the response */
    SCRAPE_WAIT_MS = 5000, /* for all of it */
    SCRAPE_SAMPLES = 100000,
    SCRAPE_LABELS = 16 /* of a sample */
};

struct scrape_label {
    const char *name, *value;
};

struct scrape_sample {
    const char *name;
    struct scrape_label *labels;
    size_t label_count;
    double value; /* may be infinite or no number */
};

/* Start from `{ 0 }`. The texts point into `text`. */
struct scrape {
    char *text;
    struct scrape_sample *samples;
    size_t count, room;
};

/* Gets /metrics from the socket and parses it. SYSTEM if nobody answers in time, INVALID if what
 * comes is no text of metrics; the diag says which. */
enum result scrape_get(struct scrape *out, const char *path, struct diag *diag);
/* Parses a text that ends with NUL; takes it over, also when it fails. INVALID with the line. */
enum result scrape_parse(struct scrape *out, char *text, struct diag *diag);
void scrape_free(struct scrape *scrape);

/* True if the sample belongs to a histogram's buckets. */
bool scrape_is_bucket(const struct scrape_sample *sample);

#endif
