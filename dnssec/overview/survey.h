/* Pool and keys at one moment, with all warnings: what `ntspool status`, `ntspool metrics` and the
 * metrics of ntspoold show. */
#ifndef DNSSEC_SURVEY_H
#define DNSSEC_SURVEY_H

#include "dnssec/overview/keyview.h"
#include "zone/base/openmetrics.h"
#include "zone/overview/overview.h"

struct survey_source {
    struct overview_source pool;
    const struct seal *seal; /* NULL: not known to this program */
    const char *unsealable; /* why the seal can't be had; NULL: it can, or this user may not know */
};

/* Large: on the heap. */
struct survey {
    struct overview pool;
    struct keyview keys;
    struct concerns concerns;
};

void survey_read(struct survey *out, const struct survey_source *source);
/* Writes the metrics of it. */
void survey_write(struct openmetrics *om, const struct survey *survey);

#endif
