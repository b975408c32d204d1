/* Preloaded: the time of day is CLOCK_SHIFT seconds ahead. */
#include <stdlib.h>
#include <time.h>

time_t time(time_t *out)
{
    const char *shift = getenv("CLOCK_SHIFT");
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += shift != NULL ? atol(shift) : 0;
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
