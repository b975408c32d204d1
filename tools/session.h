/* The stores that a command has open, each with one transaction. Start from `{ 0 }`, end with
 * session_done. */
#ifndef TOOLS_SESSION_H
#define TOOLS_SESSION_H

#include "tools/auditnote.h"
#include "tools/fleetchange.h"
#include "zone/registry/registry.h"
#include "zone/store/store.h"

struct intake_stores;

struct session {
    struct store *store[STORE_KINDS];
    struct store_txn *txn[STORE_KINDS];
    struct registry_change change; /* of the registry, from session_write to session_commit */
    struct auditnotes notes;       /* for that change */
    bool beside; /* the change is none of the zone: its serial stays, on a machine alone */
    struct fleetchange *fleet; /* NULL: this machine is in no fleet */
    bool writable[STORE_KINDS];
    /* intake of the local probes' reports is done or was tried; true from the start: none is wanted
     */
    bool taken_in;
};

/* Opens the store of the state directory and begins a transaction. Verdicts and history include
 * what the probes of this machine have reported. */
enum result session_read(struct session *session, struct cli *cli, enum store_kind kind);
/* In a fleet, REFUSED for the registry unless this machine is an admin. */
enum result session_write(struct session *session, struct cli *cli, enum store_kind kind);
/* session_write of the registry for what is this machine's own (registry_commit_beside). */
enum result session_write_beside(struct session *session, struct cli *cli);
/* Ends the transaction of a store, without its changes. */
void session_end(struct session *session, enum store_kind kind);
/* Commits a change of the registry with its audit entries, and publishes the feed for the
 * probes. In a fleet this asks the engine first (tools/fleetchange.h), so no other store may have a
 * transaction that writes. */
enum result session_commit(struct session *session, struct cli *cli);
/* Aborts open transactions and closes all stores. */
void session_done(struct session *session);

/* session_read of the registry, then reads the settings. */
enum result session_zone(struct session *session, struct cli *cli, struct settings *settings);

/* Reads a member from the open registry. NOT_FOUND; the diag says if the member was removed. */
enum result session_member(struct session *session, struct cli *cli, const char *label,
                           struct member *out);

/* Unix seconds. */
uint64_t session_now(void);

#endif
