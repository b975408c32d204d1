/* The signals of ntspoold. */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include <signal.h>
#include <sys/types.h>

/* Before there are threads: SIGTERM and SIGINT end the program at once, other signals are
 * ignored. */
void signals_set_early(void);
/* Blocks the signals before any thread starts, so that all of them go to sigtimedwait with
 * *out. */
void signals_block(sigset_t *out);
/* Ends the program after that time, whatever its threads wait for. 0: never. */
void signals_end_within(suseconds_t us);

#endif
