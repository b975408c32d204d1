/* The user that a daemon runs as after it has done what needs root. */
#ifndef ZONE_USER_H
#define ZONE_USER_H

#include <stdbool.h>

#include "zone/base/result.h"

/* Switches all threads to the user of that name and its groups, for good. Does nothing if the
 * process runs as that user already. REFUSED if there is no such user, or the process may not. */
enum result user_become(const char *user, struct diag *diag);
/* Gives a file that root made to the owner and group of its directory. Does nothing unless the
 * process runs as root. False with errno. Does not follow a link. */
bool user_hand_over(const char *path, const char *directory);
/* The same for an open file; `directory` is relative to the descriptor `at`, as for openat(2). */
bool user_hand_over_fd(int fd, int at, const char *directory);
/* Takes all capabilities out of the bounding set, so that no program that the process executes gets
 * one. Does nothing if the process may not. */
void user_bound_capabilities(void);

#endif
