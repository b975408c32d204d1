/* The pauses of a thread that does something every so often, and its end, which does not wait for
 * the pause to be over. */
#ifndef ZONE_PERIODIC_H
#define ZONE_PERIODIC_H

#include <pthread.h>
#include <stdbool.h>

struct periodic {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;
};

void periodic_init(struct periodic *periodic);
void periodic_done(struct periodic *periodic);
/* The thread pauses. False: it is time to end. */
bool periodic_pause(struct periodic *periodic, unsigned ms);
/* Any other thread: ends the pause, and those to come. */
void periodic_stop(struct periodic *periodic);

#endif
