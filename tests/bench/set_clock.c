/* Preloaded: the time of day stands still at CLOCK_AT. */
#include <stdlib.h>
#include <time.h>

time_t time(time_t *out)
{
    const char *at = getenv("CLOCK_AT");
    const time_t now = at != NULL ? atol(at) : 0;
    if (out != NULL) {
        *out = now;
    }
    return now;
}
