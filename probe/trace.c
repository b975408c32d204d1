#include "probe/trace.h"

#include <stdarg.h>
#include <stdio.h>

void trace_start(struct trace *trace, uint64_t now_ns)
{
    trace->started_ns = now_ns;
    trace->count = 0;
}

void trace_add(struct trace *trace, uint64_t now_ns, const char *name, const char *format, ...)
{
    if (trace == NULL || trace->count == TRACE_STEPS_MAX) {
        return;
    }
    uint32_t at_us = (uint32_t)((now_ns - trace->started_ns) / 1000);
    uint32_t before_us = trace->count > 0 ? trace->steps[trace->count - 1].at_us : 0;
    struct trace_step *step = &trace->steps[trace->count++];
    step->name = name;
    step->at_us = at_us;
    step->took_us = at_us - before_us;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(step->text, sizeof(step->text), format, arguments);
    va_end(arguments);
}
