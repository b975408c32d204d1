/* The lines of a token without its keys and certificates. */
#ifndef TOOLS_MEMBERSHIP_PRIVATE_H
#define TOOLS_MEMBERSHIP_PRIVATE_H

#include "tools/fleet/membership.h"

/* `out` has MEMBERSHIP_TOKEN_MAX. Returns the length. */
size_t membership_lines(const struct membership *membership, char *out);
/* As membership_token_read. */
enum result membership_lines_read(struct membership *out, const char *text, struct diag *diag);

#endif
