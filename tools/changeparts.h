/* A change with more rows than a fleet takes at once, made as several changes. Each is made as a
 * whole, and is kept if a later one fails. */
#ifndef TOOLS_CHANGEPARTS_H
#define TOOLS_CHANGEPARTS_H

#include "tools/session.h"

enum {
    CHANGEPARTS_MEMBERS = 2000 /* of one part: the largest of them still fit */
};

/* Writes the part into the session's registry. It is called once more if another change was first.
 */
typedef enum result changeparts_make(struct session *session, struct cli *cli, void *arg);
/* Makes one part, in a session of its own. */
enum result changeparts_commit(struct cli *cli, changeparts_make *make, void *arg);
/* True if this outcome of session_commit says that the change is to be made in parts. */
bool changeparts_are_needed(const struct session *session, enum result result);

#endif
