/* The limit of members of one operator that wait for a first certificate (setting
 * operator-pending). */
#ifndef TOOLS_MEMBERPENDING_H
#define TOOLS_MEMBERPENDING_H

#include "tools/session.h"

/* REFUSED if `member`, which is to be added in the session's change, would be one too many; never
 * with --force, without an operator, or if state/health can't be read. The caller has read the
 * latter before (memberpending_begin), since that may take a while. */
enum result memberpending_check(struct session *session, struct cli *cli,
                                const struct member *member, const struct settings *settings);
void memberpending_begin(struct session *session, struct cli *cli, const struct member *member);

#endif
