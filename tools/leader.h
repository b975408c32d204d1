/* Of the machines of a pool one leads: members are changed and their contacts are told there. The
 * others follow, with a copy of its registry. */
#ifndef TOOLS_LEADER_H
#define TOOLS_LEADER_H

#include "tools/session.h"

/* True if another machine leads. Reads the keys. */
enum result leader_is_another(struct session *session, struct cli *cli, bool *out);

/* REFUSED in a fleet, with where to do it, unless the keys of the zone are led here. */
enum result leader_check_keys(struct cli *cli);
/* REFUSED in a fleet unless this machine may become the one that leads them: an admin, with the
 * keys of the present leader if there is one. */
enum result leader_check_lead(struct cli *cli);
/* REFUSED if the zone has one key for both roles: other machines of a fleet get no key that is a
 * KSK, so they could not sign. */
enum result leader_check_split(struct cli *cli);
/* REFUSED in a fleet, for the same reason. */
enum result leader_check_alone(struct cli *cli);

#endif
