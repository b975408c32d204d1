#include "probe/trail.h"

#include <stdarg.h>
#include <stdio.h>

void trail_start(struct trail *trail, uint64_t now_ns)
{
    trail->started_ns = now_ns;
    trail->count = 0;
}

void trail_add(struct trail *trail, uint64_t now_ns, const char *name, const char *format, ...)
{
    if (trail == NULL || trail->count == TRAIL_STEPS_MAX) {
        return;
    }
    uint32_t at_us = (uint32_t)((now_ns - trail->started_ns) / 1000);
    uint32_t before_us = trail->count > 0 ? trail->steps[trail->count - 1].at_us : 0;
    struct trail_step *step = &trail->steps[trail->count++];
    step->name = name;
    step->at_us = at_us;
    step->took_us = at_us - before_us;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(step->text, sizeof(step->text), format, arguments);
    va_end(arguments);
}
