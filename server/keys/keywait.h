/* A machine that follows and has no keys yet waits for them before it answers: in a fleet they come
 * in a package a few seconds after it has joined. Elsewhere the operator brings one. */
#ifndef SERVER_KEYWAIT_H
#define SERVER_KEYWAIT_H

#include "server/keys/keymgr.h"
#include "zone/base/notify.h"

struct instance;

/* True on a machine that follows, while it has no keys. */
bool keywait_is_needed(struct store_txn *keys);
/* Returns when it is not needed any more, at once on other machines. Runs a key manager of its own,
 * without a thread: call it before there are threads. */
enum result keywait(const struct keymgr_sources *sources, struct instance *instance,
                    const struct notify *notify, struct diag *diag);

#endif
