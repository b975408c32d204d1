/* The steps that a probe went through, each with its time, for the foreground probe to show. */
#ifndef PROBE_TRACE_H
#define PROBE_TRACE_H

#include <stdint.h>

enum {
    TRACE_STEPS_MAX = 20,
    TRACE_TEXT_ROOM = 256
};

struct trace_step {
    const char *name; /* "connect", "tls", ...: static text */
    uint32_t at_us;   /* its end, from the probe's start */
    uint32_t took_us;
    char text[TRACE_TEXT_ROOM]; /* what came of it */
};

struct trace {
    uint64_t started_ns; /* uv_hrtime's clock */
    unsigned count;
    struct trace_step steps[TRACE_STEPS_MAX];
};

void trace_start(struct trace *trace, uint64_t now_ns);
/* Ends a step that began where the one before ended. Steps over TRACE_STEPS_MAX are left out, all
 * where `trail` is NULL. */
void trace_add(struct trace *trace, uint64_t now_ns, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
