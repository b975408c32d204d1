/* Preloaded: the time of day is ahead by the seconds in the file that LED_CLOCK names, an int64_t.
 * Time that goes by, as in waits, is not led. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static const _Atomic int64_t *ahead;

__attribute__((constructor)) static void open_lead(void)
{
    const char *path = getenv("LED_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0);
    ahead = map != MAP_FAILED ? map : NULL;
}

time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    const time_t led = now.tv_sec + (ahead != NULL ? *ahead : 0);
    if (out != NULL) {
        *out = led;
    }
    return led;
}
