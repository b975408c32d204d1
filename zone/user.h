/* Whom a daemon runs as, once it has what only root gets. */
#ifndef ZONE_USER_H
#define ZONE_USER_H

#include "zone/result.h"

/* All threads become the user, by name, with its groups and without a way back; nothing to do for who is that user. REFUSED with a diag if
 * there is no such user or we may not. */
enum result user_become(const char *user, struct diag *diag);

#endif
