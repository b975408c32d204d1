/* Steers queries to the workers' sockets on an address (SO_REUSEPORT).
 *
 * With --socket-affinity a query goes to the worker of the CPU that received it from the network
 * card, where its data are in the caches. This is an option, since with fewer receive queues than
 * workers, as on many virtual machines, it leaves workers idle. The kernel's own way, a hash of
 * addresses and ports, keeps all of them busy. */
#ifndef SERVER_AFFINITY_H
#define SERVER_AFFINITY_H

#include <pthread.h>
#include <stdbool.h>

#include "zone/base/result.h"

/* Lets `count` sockets of the SO_REUSEPORT group of `fd` receive, from number `first` in the order
 * of their bind, by CPU number or at random. For a number that the group does not have, the kernel
 * goes its own way. SYSTEM if it refuses. */
enum result affinity_steer(int fd, unsigned first, unsigned count, bool by_cpu, struct diag *diag);
/* Lets the kernel go its own way again. */
void affinity_release(int fd);
/* Lets thread `number` of `count` run only on the CPUs whose packets it gets. Does nothing if the
 * process may use none of them. */
void affinity_pin(pthread_t thread, unsigned number, unsigned count);

#endif
