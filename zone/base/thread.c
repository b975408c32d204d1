#include "zone/base/thread.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "zone/base/clock.h"

static uint64_t monotonic_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

void thread_move(struct thread *thread)
{
    atomic_store_explicit(&thread->moved_at, monotonic_ms(), memory_order_relaxed);
}

uint64_t thread_still_ms(const struct thread *thread)
{
    uint64_t moved_at = atomic_load_explicit(&thread->moved_at, memory_order_relaxed);
    uint64_t now = monotonic_ms();
    return thread->running && now > moved_at ? now - moved_at : 0;
}

void thread_init(struct thread *thread)
{
    pthread_condattr_t monotonic;
    thread->running = thread->stop = false;
    CHECK(pthread_mutex_init(&thread->mutex, NULL) == 0);
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&thread->wake, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
}

void thread_done(struct thread *thread)
{
    thread_end(thread);
    (void)pthread_cond_destroy(&thread->wake);
    (void)pthread_mutex_destroy(&thread->mutex);
}

enum result thread_start(struct thread *thread, void *(*run)(void *arg), void *arg,
                         struct diag *diag)
{
    thread->stop = false;
    thread_move(thread);
    int error = pthread_create(&thread->id, NULL, run, arg);
    if (error != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "can't start a thread: %s", strerror(error));
    }
    thread->running = true;
    return RESULT_OK;
}

bool thread_pause(struct thread *thread, unsigned ms)
{
    struct timespec until;
    unsigned pause_ms = clock_pause_ms(ms);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += pause_ms / 1000;
    until.tv_nsec += pause_ms % 1000 * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    atomic_store_explicit(&thread->moved_at, monotonic_ms() + pause_ms, memory_order_relaxed);
    (void)pthread_mutex_lock(&thread->mutex);
    while (!thread->stop &&
           pthread_cond_timedwait(&thread->wake, &thread->mutex, &until) != ETIMEDOUT) {
    }
    bool go_on = !thread->stop;
    (void)pthread_mutex_unlock(&thread->mutex);
    thread_move(thread);
    return go_on;
}

void thread_end(struct thread *thread)
{
    if (!thread->running) {
        return;
    }
    (void)pthread_mutex_lock(&thread->mutex);
    thread->stop = true;
    (void)pthread_cond_signal(&thread->wake);
    (void)pthread_mutex_unlock(&thread->mutex);
    (void)pthread_join(thread->id, NULL);
    thread->running = false;
}
