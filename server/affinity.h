/* Keeps a query on the CPU where the network card delivered it: its socket's worker runs there, its data are in that CPU's caches.
 *
 * By choice only (--socket-affinity): with fewer receive queues than workers, as on many virtual machines, it would leave workers idle
 * that the kernel's own spreading, by a hash of addresses and ports, keeps busy. */
#ifndef SERVER_AFFINITY_H
#define SERVER_AFFINITY_H

#include <pthread.h>

#include "zone/result.h"

/* Has the sockets of the SO_REUSEPORT group of `fd`, `count` of them in the order they were bound, receive by CPU number modulo count.
 * SYSTEM where the kernel refuses. */
enum result affinity_steer(int fd, unsigned count, struct diag *diag);
/* Lets thread `number` of `count` run only on the CPUs whose packets it gets; where none of them is allowed to us, nothing changes. */
void affinity_pin(pthread_t thread, unsigned number, unsigned count);

#endif
