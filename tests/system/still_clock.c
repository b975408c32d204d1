/* Preloaded into a time daemon that does not serve before it has set the clock. It may read the
 * clock's state; setting the clock has no effect. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/timex.h>
#include <time.h>

int clock_adjtime(clockid_t clock, struct timex *state)
{
    int (*kernels)(clockid_t, struct timex *) =
        (int (*)(clockid_t, struct timex *))dlsym(RTLD_NEXT, "clock_adjtime");
    state->modes = 0;
    (void)kernels(clock, state);
    return TIME_OK;
}

int ntp_adjtime(struct timex *state)
{
    return clock_adjtime(CLOCK_REALTIME, state);
}

int clock_settime(clockid_t, const struct timespec *)
{
    return 0;
}
