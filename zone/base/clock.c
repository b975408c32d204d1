#include "zone/base/clock.h"

#ifdef NTSPOOL_TEST_CLOCK

#    include <fcntl.h>
#    include <pthread.h>
#    include <stdatomic.h>
#    include <stdlib.h>
#    include <sys/mman.h>
#    include <unistd.h>

#    include "zone/base/result.h"

struct lead {
    _Atomic int64_t both, day;
};

static const struct lead *lead;
static pthread_once_t lead_once = PTHREAD_ONCE_INIT;

static void open_lead(void)
{
    const char *path = getenv("NTSPOOL_TEST_CLOCK");
    if (path == NULL) {
        return;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ASSERT(fd >= 0);
    void *map = mmap(NULL, sizeof *lead, PROT_READ, MAP_SHARED, fd, 0);
    ASSERT(map != MAP_FAILED);
    (void)close(fd);
    lead = map;
}

static const struct lead *lead_of(void)
{
    static const struct lead none;
    (void)pthread_once(&lead_once, open_lead);
    return lead != NULL ? lead : &none;
}

bool clock_is_led(void)
{
    (void)lead_of();
    return lead != NULL;
}

static int64_t added_to_both(void)
{
    return atomic_load(&lead_of()->both);
}

static int64_t added_to_day(void)
{
    return atomic_load(&lead_of()->both) + atomic_load(&lead_of()->day);
}

#else

bool clock_is_led(void)
{
    return false;
}

static int64_t added_to_both(void)
{
    return 0;
}

static int64_t added_to_day(void)
{
    return 0;
}

#endif

uint64_t clock_now(void)
{
    return (uint64_t)(time(NULL) + added_to_day());
}

struct timespec clock_exact(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += added_to_day();
    return at;
}

uint64_t clock_steady_ms(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_BOOTTIME, &at);
    /* A test may lead the time back to before the machine started. */
    int64_t base_s = clock_is_led() ? INT64_C(1) << 31 : 0;
    return (uint64_t)(base_s + at.tv_sec + added_to_both()) * 1000 + (uint64_t)at.tv_nsec / 1000000;
}

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec at;
    (void)clock_gettime(clock, &at);
    return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return nanoseconds(CLOCK_MONOTONIC);
}

uint64_t clock_cpu_ns(void)
{
    return nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_steady(void)
{
    return clock_steady_ms() / 1000;
}

unsigned clock_pause_ms(unsigned ms)
{
    return clock_is_led() ? ms / 10 : ms;
}
