/* Whom a daemon runs as, once it has what only root gets. */
#ifndef ZONE_USER_H
#define ZONE_USER_H

#include <stdbool.h>

#include "zone/base/result.h"

/* All threads become the user, by name, with its groups and without a way back; nothing to do for
 * who is that user. REFUSED with a diag if there is no such user or we may not. */
enum result user_become(const char *user, struct diag *diag);
/* Gives a file that root made to the owner of the directory that it is in, and its group; nothing
 * to do for who is not root. False with errno. A link is not followed. */
bool user_hand_over(const char *path, const char *directory);
/* The same for an open file; `directory` is relative to the descriptor `at`, as for openat(2). */
bool user_hand_over_fd(int fd, int at, const char *directory);
/* Takes all capabilities out of the bounding set, so that no program could get one back; nothing to
 * do for who may not. */
void user_bound_capabilities(void);

#endif
