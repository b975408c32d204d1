/* The key manager, a thread. It takes the steps of the DNSSEC keys when they are due
 * (dnssec/rollover/rollover.h), starts rollovers that are due, and records the TTLs that were
 * served. It follows the bundles of an offline key-signing key (dnssec/signing/slices.h) and warns
 * before they end. While a rollover waits for the parent's DS, it queries `ds-resolver` for it. In
 * a fleet it makes packages of keys for other machines, or takes those of the leader.
 *
 * It decides and writes in one write transaction on state/keys, so several servers on one state and
 * the operator never act on outdated keys. The refresher sees the new version. */
#ifndef SERVER_KEYMGR_H
#define SERVER_KEYMGR_H

#include "dnssec/rollover/key_timeline.h"
#include "zone/base/log.h"
#include "zone/store/store.h"

enum {
    KEYMGR_POLL_MS = 250,
    KEYMGR_TTLS_S = 10, /* between two looks at the TTLs of all static records, if no step is due */
    KEYMGR_SEEN_S = 3600,    /* between two updates of "seen at" in the store */
    KEYMGR_NAG_S = 86400,    /* between two alarms about the offline KSK */
    KEYMGR_NAG_LATE_S = 3600 /* the same when its signatures have ended */
};

struct fleetstore;
struct thread;
struct keymgr;

struct keymgr_sources {
    struct store *registry, *keys; /* keys: writable */
    const struct seal *seal;
    const char *state_dir;
    struct fleetstore *fleet; /* NULL: never in a fleet */
    log_sink *log;            /* called from the key manager's thread */
};

enum result keymgr_new(struct keymgr **out, const struct keymgr_sources *sources,
                       struct diag *diag);
/* One round of the thread, at a Unix time and the time of a clock that nobody sets, in seconds. */
void keymgr_look(struct keymgr *keymgr, uint64_t now, uint64_t steady);
/* Runs until keymgr_free. */
enum result keymgr_start(struct keymgr *keymgr, struct diag *diag);
/* To see whether it moves. */
const struct thread *keymgr_thread(const struct keymgr *keymgr);
void keymgr_free(struct keymgr *keymgr);

#endif
