/* The keeper: a thread that moves the DNSSEC keys on when it is time (dnssec/rollover/rollover.h),
 * begins the rollovers that are due, and remembers the TTLs that were served; follows the bundles
 * of a key-signing key that is elsewhere (dnssec/signing/slices.h) and says when they end; and
 * while the parent's DS is waited for, it asks `ds-resolver` for it. What it decides is decided and
 * written in one write transaction on state/keys, so several servers on one state, and the
 * operator, never act on what another has just changed; the refresher sees the new version. */
#ifndef SERVER_KEYMGR_H
#define SERVER_KEYMGR_H

#include "dnssec/rollover/key_timeline.h"
#include "zone/base/log.h"
#include "zone/store/store.h"

enum {
    KEYMGR_POLL_MS = 250, /* how often it looks whether there is anything to do */
    KEYMGR_TTLS_S = 10,   /* how often it looks at all static records' TTLs, if no step is due */
    KEYMGR_SEEN_S = 3600, /* how often it says in the store that it is there */
    KEYMGR_NAG_S = 86400, /* how often an alarm of the offline KSK is said again, */
    KEYMGR_NAG_LATE_S = 3600,   /* and one that is urgent */
    KEYMGR_CLOCK_SLACK_S = 300, /* a clock that is off by more has been set, */
    KEYMGR_CLOCK_TRUST_S = 3600 /* and is believed when it has run on for so long */
};

struct keymgr;

struct keymgr_sources {
    struct store *registry, *keys; /* keys: writable */
    const struct seal *seal;
    log_sink *log; /* called from the key manager's thread */
};

enum result keymgr_new(struct keymgr **out, const struct keymgr_sources *sources,
                       struct diag *diag);
/* One look, at a time of day and a time that nobody sets, in seconds. */
void keymgr_look(struct keymgr *keymgr, uint64_t now, uint64_t steady);
/* Runs until keymgr_free. */
enum result keymgr_start(struct keymgr *keymgr, struct diag *diag);
void keymgr_free(struct keymgr *keymgr);

#endif
