/* The end of memberships: `member remove` and `member expire`. */
#ifndef TOOLS_MEMBEREND_H
#define TOOLS_MEMBEREND_H

#include "tools/session.h"
#include "zone/overview/memberview.h"

struct memberend {
    struct memberview_source source; /* `health` is NULL if state/health can't be read */
};

/* Opens state/health. If that fails, a note of the command says what it means. */
void memberend_begin(struct memberend *out, struct session *session, struct cli *cli,
                     const struct settings *settings);
/* Removes the member in the session's change. Its name is barred until the last certificate seen
 * for it has expired, or, if state/health can't be read, for the full quarantine. */
enum result memberend_remove(const struct memberend *end, struct session *session,
                             const struct member *member, uint64_t *quarantined_until);

#endif
