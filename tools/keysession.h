/* A session of a command that works on the keys: the pool's settings, the seal, and a transaction
 * of state/keys. Start from `{ 0 }`, end with keysession_end. */
#ifndef TOOLS_KEYSESSION_H
#define TOOLS_KEYSESSION_H

#include "dnssec/keys/seal.h"
#include "tools/session.h"

struct keysession {
    struct session session;
    struct seal *seal;
    struct settings settings;
    bool secret_arguments; /* the audit trail must not have them */
    bool committed;        /* a change */
};

/* Reads the settings alone: for commands that read files before they lock a store. */
enum result keysession_settings(struct keysession *keys, struct cli *cli);
/* Opens the seal and begins the transaction. */
enum result keysession_open(struct keysession *keys, struct cli *cli, bool writing);
/* keysession_settings and keysession_open. */
enum result keysession_begin(struct keysession *keys, struct cli *cli, bool writing);
enum result keysession_commit(struct keysession *keys, struct cli *cli);
/* Closes everything, notes a committed change in the audit trail, and prints `done` (NULL: nothing)
 * or the error. Returns the command's exit status. */
int keysession_end(struct keysession *keys, struct cli *cli, enum result result, const char *done);

#endif
