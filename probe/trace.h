/* The steps of a probe with their times, for `ntspool probe` to show. */
#ifndef PROBE_TRACE_H
#define PROBE_TRACE_H

#include <stdint.h>

enum {
    TRACE_STEPS_MAX = 20,
    TRACE_TEXT_ROOM = 256
};

struct trace_step {
    const char *name; /* "connect", "tls", ...: static text */
    uint32_t at_us;   /* its end, since the probe's start */
    uint32_t took_us;
    char text[TRACE_TEXT_ROOM]; /* the result */
};

struct trace {
    uint64_t started_ns; /* uv_hrtime's clock */
    unsigned count;
    struct trace_step steps[TRACE_STEPS_MAX];
};

void trace_start(struct trace *trace, uint64_t now_ns);
/* Adds a step that began when the one before it ended. Steps beyond TRACE_STEPS_MAX are dropped.
 * Does nothing if `trace` is NULL. */
void trace_add(struct trace *trace, uint64_t now_ns, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
