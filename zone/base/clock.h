/* The time: the only place where programs ask for it, but for what needs parts of a second.
 *
 * A build with NTSPOOL_TEST_CLOCK, which is never one that is installed, can be led through years
 * in minutes: if the environment names a file by the same word, two signed 64-bit numbers in it are
 * added, the first to both clocks, the second to the time of day alone. */
#ifndef ZONE_CLOCK_H
#define ZONE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Unix seconds. */
uint64_t clock_now(void);
/* Seconds that nobody sets; they go on while the machine sleeps. */
uint64_t clock_steady(void);
uint64_t clock_steady_ms(void);
/* True if a test leads the time. */
bool clock_is_led(void);
/* How long a pause of so many milliseconds is: a tenth when a test leads the time, since it goes
 * faster then. */
unsigned clock_pause_ms(unsigned ms);

#endif
