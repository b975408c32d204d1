/* Which of the workers' sockets on an address the kernel gives a query.
 *
 * On the CPU where the network card delivered it, its socket's worker runs and its data are in that
 * CPU's caches. By choice only (--socket-affinity): with fewer receive queues than workers, as on
 * many virtual machines, it would leave workers idle that the kernel's own spreading, by a hash of
 * addresses and ports, keeps busy. */
#ifndef SERVER_AFFINITY_H
#define SERVER_AFFINITY_H

#include <pthread.h>
#include <stdbool.h>

#include "zone/base/result.h"

/* Has `count` sockets of the SO_REUSEPORT group of `fd` receive, from number `first` on in the
 * order they were bound, by CPU number or at random. For a number that the group does not have, the
 * kernel takes its own way. SYSTEM where it refuses. */
enum result affinity_steer(int fd, unsigned first, unsigned count, bool by_cpu, struct diag *diag);
/* Back to the kernel's own way. */
void affinity_release(int fd);
/* Lets thread `number` of `count` run only on the CPUs whose packets it gets; where none of them is
 * allowed to us, nothing changes. */
void affinity_pin(pthread_t thread, unsigned number, unsigned count);

#endif
