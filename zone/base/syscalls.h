/* The filter of system calls (seccomp) of a process that faces the network: what the process does
 * not need is closed to who takes it over, with the faults that the kernel may have there.
 *
 * There is a list of what is allowed; the rest is refused. How:
 * - A call that is not in the list fails with ENOSYS, as on a kernel without it. Libraries try new
 *   calls all the time, and ENOSYS is the one error after which they use the old ones. So a newer C
 *   library, or a gap in the list, does not stop the server: a dead nameserver is worse than a call
 *   that is refused. The kernel logs the refusal (audit, type 1326), so that a gap is found.
 * - A call that no library ever tries, such as execve, ends the process: somebody else is at work.
 * - In a build for tests, a call that is not in the list ends the process, too. So the system tests
 *   hold the list against what the daemons do.
 *
 * Calls that are allowed for some arguments only: sockets are of IP or UNIX, no thread or child
 * gets a namespace of its own, no memory is both written and executed, limits and signals are those
 * of the process itself, ioctl and prctl do harmless things. */
#ifndef ZONE_SYSCALLS_H
#define ZONE_SYSCALLS_H

#include <stdbool.h>

#include "zone/base/result.h"

#ifdef NTSPOOL_TEST_CLOCK /* a build for tests */
#    define SYSCALLS_STRICT true
#else
#    define SYSCALLS_STRICT false
#endif

/* Hides two calls that libraries try, and go without: clone3, whose flags no filter can read, and
 * io_uring_setup, since what goes through a ring passes by any filter. Call it before the first
 * event loop: libuv keeps the ring that it gets then, and aborts if it may not use it later. */
void syscalls_hide(void);
/* Limits this thread, and all that it starts, to the calls that every daemon needs and to those in
 * `more`, a list of names that ends with NULL. Call it after syscalls_hide and sandbox_enter,
 * before the first thread. `strict` is SYSCALLS_STRICT: any other call ends the process. MISSING,
 * with the reason in the diag, if the kernel refuses the filter; the caller logs this and goes on.
 */
enum result syscalls_limit(const char *const *more, bool strict, struct diag *diag);

#endif
