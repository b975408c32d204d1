/* The time in seconds and milliseconds. Programs take it from here only.
 *
 * Tests can lead a build with NTSPOOL_TEST_CLOCK, which is never installed, through years in
 * minutes. The environment variable of that name gives a file with two signed 64-bit numbers: the
 * first is added to both clocks, the second to the time of day only. */
#ifndef ZONE_CLOCK_H
#define ZONE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Unix seconds. */
uint64_t clock_now(void);
/* The same time with its nanoseconds, for records of single messages. */
struct timespec clock_exact(void);
/* Seconds of a clock that nobody can set and that runs while the machine sleeps. */
uint64_t clock_steady(void);
uint64_t clock_steady_ms(void);
/* To measure how long work takes: stands while the machine sleeps, and no test leads it. */
uint64_t clock_monotonic_ns(void);
/* The CPU time that the calling thread has taken. */
uint64_t clock_cpu_ns(void);
/* True if a test leads the time. */
bool clock_is_led(void);
/* How long to pause for `ms`: a tenth when a test leads the time, which then runs faster. */
unsigned clock_pause_ms(unsigned ms);

#endif
