/* The steps that a probe went through, each with its time, for the foreground probe to show. */
#ifndef PROBE_TRAIL_H
#define PROBE_TRAIL_H

#include <stdint.h>

enum {
    TRAIL_STEPS_MAX = 20,
    TRAIL_TEXT_ROOM = 256
};

struct trail_step {
    const char *name; /* "connect", "tls", ...: static text */
    uint32_t at_us;   /* its end, from the probe's start */
    uint32_t took_us;
    char text[TRAIL_TEXT_ROOM]; /* what came of it */
};

struct trail {
    uint64_t started_ns; /* uv_hrtime's clock */
    unsigned count;
    struct trail_step steps[TRAIL_STEPS_MAX];
};

void trail_start(struct trail *trail, uint64_t now_ns);
/* Ends a step that began where the one before ended. Steps over TRAIL_STEPS_MAX are left out, all where `trail` is NULL. */
void trail_add(struct trail *trail, uint64_t now_ns, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
