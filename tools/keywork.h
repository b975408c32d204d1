/* What every command that works on the keys opens: the pool's settings, the seal, and state/keys
 * with its one transaction. Start from `{ 0 }`, end with keywork_end. */
#ifndef TOOLS_KEYWORK_H
#define TOOLS_KEYWORK_H

#include "dnssec/keys/seal.h"
#include "tools/session.h"

struct keywork {
    struct session session;
    struct seal *seal;
    struct settings settings;
    bool committed; /* a change */
};

/* Reads the settings alone, for what is to be read of files before anything is locked. */
enum result keywork_zone(struct keywork *work, struct cli *cli);
enum result keywork_begin(struct keywork *work, struct cli *cli, bool writing);
/* Commits what was written to the keys. */
enum result keywork_commit(struct keywork *work, struct cli *cli);
/* Closes all, and says that it is `done` (NULL: nothing) or why not. Returns the command's exit
 * code. */
int keywork_end(struct keywork *work, struct cli *cli, enum result result, const char *done);

#endif
