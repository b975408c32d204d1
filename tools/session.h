/* The stores that a command has open, each with its one transaction. Start from `{ 0 }`, end with
 * session_done. */
#ifndef TOOLS_SESSION_H
#define TOOLS_SESSION_H

#include "tools/auditnote.h"
#include "zone/registry/registry.h"
#include "zone/store/store.h"

struct intake_stores;

struct session {
    struct store *store[STORE_KINDS];
    struct store_txn *txn[STORE_KINDS];
    struct registry_change change; /* of the registry, from session_write to session_commit */
    struct auditnotes notes;       /* of that change */
    bool writable[STORE_KINDS];
    /* What probes of this machine reported is in the stores. */
    bool taken_in;
};

/* Opens the store of the state directory and begins a transaction. Verdicts and history are up to
 * date with the journals of this machine's probes. */
enum result session_read(struct session *session, struct cli *cli, enum store_kind kind);
enum result session_write(struct session *session, struct cli *cli, enum store_kind kind);
/* Commits a change of the registry, with its entries of the audit trail, and lets the probes
 * know. */
enum result session_commit(struct session *session, struct cli *cli);
/* Opens what an intake needs, which begins transactions of its own: the session must have none that
 * writes verdicts. */
enum result session_intake(struct session *session, struct cli *cli, struct intake_stores *out);
/* Takes back what is not committed and closes all. */
void session_done(struct session *session);

/* session_read of the registry, and its settings. */
enum result session_zone(struct session *session, struct cli *cli, struct settings *settings);

/* The member of the open registry. NOT_FOUND says whether it was removed. */
enum result session_member(struct session *session, struct cli *cli, const char *label,
                           struct member *out);

/* Unix seconds. */
uint64_t session_now(void);

#endif
