/* The keeper: a thread that moves the DNSSEC keys on when it is time (dnssec/rollover/rollover.h), begins the rollovers that are due, and
 * remembers the TTLs that were served; follows the bundles of a key-signing key that is elsewhere (dnssec/signing/slices.h) and says when they end; and while the parent's DS is waited for, it asks `ds-resolver` for it. What it decides is decided and written in one write transaction on state/keys, so several
 * servers on one state, and the operator, never act on what another has just changed; the refresher sees the new version. */
#ifndef SERVER_KEEPER_H
#define SERVER_KEEPER_H

#include "dnssec/rollover/keyroll.h"
#include "zone/store/store.h"

enum {
    KEEPER_POLL_MS = 250,   /* how often it looks whether there is anything to do */
    KEEPER_TTLS_S = 10,     /* how often it looks at all static records' TTLs, if no step is due */
    KEEPER_PARENT_S = 600,  /* how often it asks for the parent's DS while it waits for it */
    KEEPER_NOTIFY_S = 3600, /* how often it notifies the parent meanwhile (server/keys/dsync.h) */
    KEEPER_SEEN_S = 3600,   /* how often it says in the store that it is there */
    KEEPER_NAG_S = 86400,   /* how often an alarm of the offline KSK is said again, */
    KEEPER_NAG_LATE_S = 3600,   /* and one that is urgent */
    KEEPER_CLOCK_SLACK_S = 300, /* a clock that is off by more has been set, */
    KEEPER_CLOCK_TRUST_S = 3600 /* and is believed when it has run on for so long */
};

struct keeper;

/* Lines for the log; called from the keeper's thread. */
typedef void keeper_log(const char *text);

struct keeper_sources {
    struct store *registry, *keys; /* keys: writable */
    const struct seal *seal;
    keeper_log *log;
};

enum result keeper_new(struct keeper **out, const struct keeper_sources *sources,
                       struct diag *diag);
/* One look, at a time of day and a time that nobody sets, in seconds. */
void keeper_look(struct keeper *keeper, uint64_t now, uint64_t steady);
/* Runs until keeper_free. */
enum result keeper_start(struct keeper *keeper, struct diag *diag);
void keeper_free(struct keeper *keeper);

#endif
