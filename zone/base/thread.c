#include "zone/base/periodic.h"

#include <errno.h>
#include <time.h>

#include "zone/base/clock.h"
#include "zone/base/result.h"

void periodic_init(struct periodic *periodic)
{
    pthread_condattr_t monotonic;
    periodic->stop = false;
    ASSERT(pthread_mutex_init(&periodic->mutex, NULL) == 0);
    ASSERT(pthread_condattr_init(&monotonic) == 0);
    ASSERT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_cond_init(&periodic->wake, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
}

void periodic_done(struct periodic *periodic)
{
    (void)pthread_cond_destroy(&periodic->wake);
    (void)pthread_mutex_destroy(&periodic->mutex);
}

bool periodic_pause(struct periodic *periodic, unsigned ms)
{
    struct timespec until;
    unsigned pause_ms = clock_pause_ms(ms);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += pause_ms / 1000;
    until.tv_nsec += pause_ms % 1000 * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_mutex_lock(&periodic->mutex);
    while (!periodic->stop &&
           pthread_cond_timedwait(&periodic->wake, &periodic->mutex, &until) != ETIMEDOUT) {
    }
    bool go_on = !periodic->stop;
    (void)pthread_mutex_unlock(&periodic->mutex);
    return go_on;
}

void periodic_stop(struct periodic *periodic)
{
    (void)pthread_mutex_lock(&periodic->mutex);
    periodic->stop = true;
    (void)pthread_cond_signal(&periodic->wake);
    (void)pthread_mutex_unlock(&periodic->mutex);
}
