/* A thread of a daemon: how it starts, pauses between two rounds of work, and ends. Its end does
 * not wait for the pause to be over. */
#ifndef ZONE_THREAD_H
#define ZONE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "zone/base/result.h"

struct thread {
    pthread_t id;
    bool running; /* started and not joined; for the thread's owner */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;
    /* Milliseconds of the monotonic clock: when it last moved, or when its pause is over. */
    _Atomic uint64_t moved_at;
};

void thread_init(struct thread *thread);
/* Ends the thread if it runs. */
void thread_done(struct thread *thread);

/* SYSTEM if there can be no thread. After thread_end it may be started again. */
enum result thread_start(struct thread *thread, void *(*run)(void *arg), void *arg,
                         struct diag *diag);
/* The thread pauses. False: it is time to end. */
bool thread_pause(struct thread *thread, unsigned ms);
/* For a thread that does not pause: it moves. */
void thread_move(struct thread *thread);
/* The owner: how long it has not moved, pauses not counted. 0 if it does not run. */
uint64_t thread_still_ms(const struct thread *thread);
/* The owner: ends all pauses and waits for the thread's end. Nothing if it does not run. */
void thread_end(struct thread *thread);

#endif
