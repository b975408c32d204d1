/* The pauses of a thread that does something every so often, and its end, which does not wait for the pause to be over. */
#ifndef ZONE_PULSE_H
#define ZONE_PULSE_H

#include <pthread.h>
#include <stdbool.h>

struct pulse {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;
};

void pulse_init(struct pulse *pulse);
void pulse_done(struct pulse *pulse);
/* The thread pauses. False: it is time to end. */
bool pulse_pause(struct pulse *pulse, unsigned ms);
/* Any other thread: ends the pause, and those to come. */
void pulse_stop(struct pulse *pulse);

#endif
