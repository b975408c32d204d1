/* Of the machines of a pool one leads: members are changed and their contacts are told there. The
 * others follow, with a copy of its registry. */
#ifndef TOOLS_LEADER_H
#define TOOLS_LEADER_H

#include "tools/session.h"

/* True if another machine leads. Reads the keys. */
enum result leader_is_another(struct session *session, struct cli *cli, bool *out);

#endif
