#include "zone/base/openmetrics.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/result.h"

enum {
    ROOM_FIRST = 16384,
    NUMBER_ROOM = 32
};

#define TOTAL "_total"

/* The labels of a sample, and one more that the type of the family adds. */
struct labels {
    const char *texts[2 * (OPENMETRICS_LABELS + 1)];
    size_t count; /* of texts */
};

void openmetrics_init(struct openmetrics *om, enum openmetrics_format format)
{
    *om = (struct openmetrics){ .format = format, .room = ROOM_FIRST };
    om->text = xmalloc(om->room);
}

void openmetrics_done(struct openmetrics *om)
{
    free(om->text);
    om->text = NULL;
}

const char *openmetrics_content_type(enum openmetrics_format format)
{
    return format == OPENMETRICS_1_0 ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                     : "text/plain; version=0.0.4; charset=utf-8";
}

static void put_octets(struct openmetrics *om, const char *data, size_t len)
{
    om->failed = om->failed || len > OPENMETRICS_MAX - om->len;
    if (om->failed) {
        return;
    }
    while (om->room - om->len < len) {
        om->room *= 2;
        om->text = xrealloc(om->text, om->room);
    }
    memcpy(om->text + om->len, data, len);
    om->len += len;
}

static void put(struct openmetrics *om, const char *text)
{
    put_octets(om, text, strlen(text));
}

/* The value of a label. */
static void put_escaped(struct openmetrics *om, const char *text)
{
    for (; *text != '\0'; text++) {
        char plain = '?';
        if (*text >= ' ' && *text <= '~') {
            plain = *text;
        }
        if (*text == '\n') {
            put(om, "\\n");
        } else if (plain == '\\' || plain == '"') {
            put_octets(om, (const char[]){ '\\', plain }, 2);
        } else {
            put_octets(om, &plain, 1);
        }
    }
}

/* The shortest form that reads back as the same number. */
static const char *number(double value, char room[NUMBER_ROOM])
{
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(room, NUMBER_ROOM, "%.*g", digits, value);
        if (strtod(room, NULL) == value) {
            break;
        }
    }
    return room;
}

/* The bound of a bucket, or a quantile: OpenMetrics wants them with a point or an exponent. */
static const char *bound(double value, char room[NUMBER_ROOM])
{
    if (isinf(value)) {
        return "+Inf";
    }
    size_t len = strlen(number(value, room));
    if (strpbrk(room, ".e") == NULL) {
        (void)snprintf(room + len, NUMBER_ROOM - len, ".0");
    }
    return room;
}

static void put_line(struct openmetrics *om, const char *keyword)
{
    size_t len = strlen(om->family);
    /* The name of a counter's family is that of its samples only in the older format. */
    if (om->type == OPENMETRICS_COUNTER && om->format == OPENMETRICS_1_0) {
        len -= strlen(TOTAL);
    }
    put(om, "# ");
    put(om, keyword);
    put(om, " ");
    put_octets(om, om->family, len);
    put(om, " ");
}

void openmetrics_family(struct openmetrics *om, enum openmetrics_type type, const char *name,
                        const char *help)
{
    static const char *const types[] = { "counter", "gauge", "histogram", "summary" };
    size_t len = strlen(name), end = strlen(TOTAL);
    bool total = len > end && strcmp(name + len - end, TOTAL) == 0;
    ASSERT(total == (type == OPENMETRICS_COUNTER));
    om->family = name;
    om->type = type;
    put_line(om, "HELP");
    put(om, help);
    put(om, "\n");
    put_line(om, "TYPE");
    put(om, types[type]);
    put(om, "\n");
}

static void read_labels(struct labels *out, va_list list)
{
    out->count = 0;
    for (const char *text; (text = va_arg(list, const char *)) != NULL;) {
        ASSERT(out->count < (size_t)2 * OPENMETRICS_LABELS);
        out->texts[out->count++] = text;
    }
    ASSERT(out->count % 2 == 0);
}

/* The last label, in place of the one of the line before. */
static void set_last(struct labels *labels, size_t own, const char *name, const char *value)
{
    labels->texts[own] = name;
    labels->texts[own + 1] = value;
    labels->count = own + 2;
}

static void put_sample(struct openmetrics *om, const char *suffix, const struct labels *labels,
                       double value)
{
    char room[NUMBER_ROOM];
    put(om, om->family);
    put(om, suffix);
    for (size_t i = 0; i < labels->count; i += 2) {
        put(om, i == 0 ? "{" : ",");
        put(om, labels->texts[i]);
        put(om, "=\"");
        put_escaped(om, labels->texts[i + 1]);
        put(om, "\"");
    }
    put(om, labels->count > 0 ? "} " : " ");
    put(om, number(value, room));
    put(om, "\n");
}

void openmetrics_sample(struct openmetrics *om, double value, ...)
{
    struct labels labels;
    va_list list;
    va_start(list, value);
    read_labels(&labels, list);
    va_end(list);
    ASSERT(om->type == OPENMETRICS_COUNTER || om->type == OPENMETRICS_GAUGE);
    if (isfinite(value)) {
        put_sample(om, "", &labels, value);
    }
}

void openmetrics_single(struct openmetrics *om, enum openmetrics_type type, const char *name,
                        const char *help, double value)
{
    openmetrics_family(om, type, name, help);
    openmetrics_sample(om, value, NULL);
}

void openmetrics_histogram(struct openmetrics *om, const struct openmetrics_buckets *buckets, ...)
{
    struct labels labels;
    char room[NUMBER_ROOM];
    uint64_t sum = 0;
    va_list list;
    va_start(list, buckets);
    read_labels(&labels, list);
    va_end(list);
    ASSERT(om->type == OPENMETRICS_HISTOGRAM);
    size_t own = labels.count;
    for (size_t i = 0; i <= buckets->count; i++) {
        sum += buckets->buckets[i];
        set_last(&labels, own, "le",
                 bound(i < buckets->count ? buckets->bounds[i] : INFINITY, room));
        put_sample(om, "_bucket", &labels, (double)sum);
    }
    labels.count = own;
    put_sample(om, "_sum", &labels, isfinite(buckets->sum) ? buckets->sum : 0);
    put_sample(om, "_count", &labels, (double)sum);
}

void openmetrics_summary(struct openmetrics *om, const struct openmetrics_quantiles *quantiles, ...)
{
    struct labels labels;
    char room[NUMBER_ROOM];
    va_list list;
    va_start(list, quantiles);
    read_labels(&labels, list);
    va_end(list);
    ASSERT(om->type == OPENMETRICS_SUMMARY);
    size_t own = labels.count;
    for (size_t i = 0; i < quantiles->count; i++) {
        set_last(&labels, own, "quantile", bound(quantiles->quantiles[i], room));
        if (isfinite(quantiles->values[i])) {
            put_sample(om, "", &labels, quantiles->values[i]);
        }
    }
    labels.count = own;
    put_sample(om, "_sum", &labels, isfinite(quantiles->sum) ? quantiles->sum : 0);
    put_sample(om, "_count", &labels, (double)quantiles->observations);
}

bool openmetrics_end(struct openmetrics *om)
{
    if (om->format == OPENMETRICS_1_0) {
        put(om, "# EOF\n");
    }
    return !om->failed;
}
