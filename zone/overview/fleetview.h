/* How this machine follows its fleet, and what it knows of the other machines. */
#ifndef ZONE_FLEETVIEW_H
#define ZONE_FLEETVIEW_H

#include "zone/base/concern.h"
#include "zone/fleet/feedstate.h"
#include "zone/fleet/hello.h"
#include "zone/registry/machine.h"

#define FLEETVIEW_FEED    "ntspool-feedd" /* its instance in the state directory */
#define FLEETVIEW_MACHINE "machine"       /* what makes a machine one of a fleet */

enum {
    FLEETVIEW_MUTE_S = 3 * FEEDSTATE_NOTE_MS / 1000
};

/* A machine of the fleet that is not evicted. */
struct fleetview_machine {
    char name[MACHINE_ROOM];
    enum machine_role role;
    uint64_t said_at;    /* its last hello, by its clock; 0: none is known */
    uint32_t epoch;      /* ... what it has of the ledger, as it said then */
    uint64_t seq, lag;   /* ... and how many changes this machine has more */
    bool answers, keyed; /* ntspoold runs there; it says which package of keys it has: */
    uint64_t package;    /* ... 0: none */
    char version[HELLO_VERSION_ROOM];
};

struct fleetview {
    bool is_in_fleet; /* this machine */
    bool feeds;       /* ntspool-feedd runs */
    uint64_t fed_at;  /* when it was last seen to run; 0: never */
    struct feedstate feed;
    size_t count;
    struct fleetview_machine machines[MACHINES_MAX]; /* in order of name */
};

/* `fleet` reads STORE_FLEET, `registry` the registry; either may be NULL. Leaves `is_in_fleet`
 * false if there is nothing to read. */
enum result fleetview_read(struct fleetview *out, const char *state_dir, struct store_txn *fleet,
                           struct store_txn *registry);
/* True if the machine has not said hello for long. */
bool fleetview_is_silent(const struct fleetview_machine *machine, uint64_t now);
void fleetview_warn(const struct fleetview *view, uint64_t now, struct concerns *concerns);

#endif
