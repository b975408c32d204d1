/* How many probes may be in flight at once. */
#ifndef PROBE_DESCRIPTORS_H
#define PROBE_DESCRIPTORS_H

/* Raises the process's limit of open files as far as it may go. Each probe may hold
 * LIMIT_FILES_EACH; at least 1, at most LIMIT_FLYING. */
unsigned descriptors_flights(void);

#endif
