/* The key manager's part in a fleet (dnssec/offline/fleetkeys.h). The machine that leads writes a
 * package for each other machine; one that follows takes those that came in.
 *
 * ntspool-feedd carries them, by way of files (zone/fleet/keyfiles.h). What came in is in
 * state/fleet, as letters. */
#ifndef SERVER_KEYFLEET_H
#define SERVER_KEYFLEET_H

#include "dnssec/offline/fleetkeys.h"
#include "server/upkeep/fleetstore.h"
#include "zone/base/log.h"
#include "zone/fleet/keyfiles.h"

struct keyfleet;

struct keyfleet_sources {
    const char *state_dir;
    struct store *keys;       /* writable */
    struct fleetstore *fleet; /* NULL: never in a fleet */
    const struct seal *seal;
    log_sink *log;
};

struct keyfleet *keyfleet_new(const struct keyfleet_sources *sources);
void keyfleet_free(struct keyfleet *keyfleet);

/* The transactions are for reading and up to date. */
struct keyfleet_look {
    struct store_txn *registry, *keys;
    const struct settings *settings;
    bool follows;
    uint64_t now;
};
/* Does what is due. `changed`: state/keys was written. */
enum result keyfleet_look(struct keyfleet *keyfleet, const struct keyfleet_look *look,
                          bool *changed, struct diag *diag);
/* The machine leads in a fleet, as of the last look: fills in `out` for functions of fleetkeys.h,
 * with `keys`. False: it has no others to look after. */
bool keyfleet_work(const struct keyfleet *keyfleet, struct store_txn *keys,
                   const struct settings *settings, uint64_t now, struct fleetkeys_work *out);
/* The keys that take no step now, role bits: others are waited for, or the fleet has named another
 * machine to lead, and this one has keys of its own. `work` is from keyfleet_work. */
unsigned keyfleet_held(const struct keyfleet *keyfleet, const struct fleetkeys_work *work);
/* True if a rollover that is due may begin: of the ZSK, when all have it in their packages. */
bool keyfleet_may_roll(const struct keyfleet *keyfleet, const struct fleetkeys_work *work,
                       enum key_role role);

#endif
