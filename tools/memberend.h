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
/* When another member may take the name of one that is removed now: when the last certificate seen
 * for it has expired, or, if state/health can't be read, after the full quarantine. */
uint64_t memberend_barred_until(const struct memberend *end, const struct member *member);

#endif
