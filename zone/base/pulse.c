#include "zone/base/pulse.h"

#include <errno.h>
#include <time.h>

#include "zone/base/clock.h"
#include "zone/base/result.h"

void pulse_init(struct pulse *pulse)
{
    pthread_condattr_t monotonic;
    pulse->stop = false;
    ASSERT(pthread_mutex_init(&pulse->mutex, NULL) == 0);
    ASSERT(pthread_condattr_init(&monotonic) == 0);
    ASSERT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_cond_init(&pulse->wake, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
}

void pulse_done(struct pulse *pulse)
{
    (void)pthread_cond_destroy(&pulse->wake);
    (void)pthread_mutex_destroy(&pulse->mutex);
}

bool pulse_pause(struct pulse *pulse, unsigned ms)
{
    struct timespec until;
    unsigned pause_ms = clock_pause_ms(ms);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += pause_ms / 1000;
    until.tv_nsec += pause_ms % 1000 * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_mutex_lock(&pulse->mutex);
    while (!pulse->stop &&
           pthread_cond_timedwait(&pulse->wake, &pulse->mutex, &until) != ETIMEDOUT) {
    }
    bool go_on = !pulse->stop;
    (void)pthread_mutex_unlock(&pulse->mutex);
    return go_on;
}

void pulse_stop(struct pulse *pulse)
{
    (void)pthread_mutex_lock(&pulse->mutex);
    pulse->stop = true;
    (void)pthread_cond_signal(&pulse->wake);
    (void)pthread_mutex_unlock(&pulse->mutex);
}
