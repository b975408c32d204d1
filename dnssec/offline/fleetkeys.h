/* Keys in a fleet. One machine leads: it gives each other machine packages (keytransfer.h) with all
 * ZSKs, those of the next months too, the signatures of KSKs, and the secrets of cookies. A machine
 * that is cut off goes on by its last package.
 *
 * Planned rollovers of the ZSK are in all packages long before they begin, so nobody waits for
 * anybody, also not for the leader: if it was off, it first takes the steps that the others took
 * meanwhile. All else (a rollover by the operator, a new KSK, the parent's DS, other timings, an
 * eviction) is not foreseen: the keys of that kind are *held*, and take each step only after all
 * machines have the package that has the step before. So all servers of the zone are within one
 * step, and a step is safe for caches that hold what any of them served before. Secrets of cookies
 * become current in the same way. A machine that does not come back holds all of it up, until it is
 * evicted or the operator says to go on without it. But it goes on by its last package: a rollover
 * that this one has is begun by all in time. */
#ifndef DNSSEC_FLEETKEYS_H
#define DNSSEC_FLEETKEYS_H

#include "dnssec/offline/keytransfer.h"
#include "zone/fleet/hello.h"
#include "zone/registry/machine.h"

enum {
    FLEETKEYS_PARTS = 4, /* KSKs, ZSKs, the settings of plans, all else that packages have */
    FLEETKEYS_DIGEST = 16,
    /* Packages are made anew so often: they reach as far again, and none is a day old. */
    FLEETKEYS_RENEW_S = 43200,
    FLEETKEYS_SETTLE_S = 86400,      /* from a new schedule to the first rollover that it has */
    FLEETKEYS_SETTLE_LEAST_S = 3600, /* ... if some lack it when so much is left, it begins later */
    FLEETKEYS_LATE_S = 60,           /* a leader that has missed a step for so long was off */
};

/* What the leader remembers, one row of state/keys. */
struct fleetkeys {
    uint64_t number, made_at; /* of the present packages; 0: this machine has made none */
    /* The package that all must have before what is held goes on; when it was first made; when all
     * had it, 0: not yet. */
    uint64_t decided, decided_at, had_at;
    uint64_t scheduled;  /* the first package with the present schedule of the ZSK */
    bool schedule_had;   /* by all */
    uint64_t roll_after; /* no planned rollover begins earlier */
    uint64_t rolls_at;   /* when the next one, or the one under way, begins by them; 0: never */
    uint64_t signs_at;   /* ... and its key may sign */
    bool rolling;        /* that one has begun here */
    uint64_t evicted_at; /* the last eviction for which the ZSK was rolled */
    unsigned held;       /* role bits */
    bool cookie_rolls;   /* the staged secret becomes the current one when all have it */
    uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST]; /* of what packages have */
    uint8_t missing;                                    /* machines that lack `decided` */
    char waits_for[MACHINE_ROOM];                       /* one of them; "" */
};
/* All zero if there is no row. DAMAGED. */
enum result fleetkeys_get(struct store_txn *keys, struct fleetkeys *out);

enum {
    FLEETKEYS_WHO_ROOM = MACHINE_ROOM + 24,
    FLEETKEYS_WHAT_ROOM = 32
};
/* True while machines lack what packages have now. */
bool fleetkeys_waits(const struct fleetkeys *state);
/* Which: "fra1", "fra1 and 2 others"; "all other machines" right after a step. */
char *fleetkeys_who_text(const struct fleetkeys *state, char out[FLEETKEYS_WHO_ROOM]);
/* What they hold up: "KSK, cookie secret". */
char *fleetkeys_what_text(const struct fleetkeys *state, char out[FLEETKEYS_WHAT_ROOM]);

/* The other machines that have keys: they are in the fleet, and have said for whom packages are to
 * be boxed. */
struct fleetkeys_peer {
    char name[MACHINE_ROOM];
    uint8_t identity[SEAL_PUBLIC_LEN];
    uint64_t package; /* the last that it has */
};
struct fleetkeys_peers {
    size_t count;
    uint64_t evicted_at; /* the last eviction */
    struct fleetkeys_peer list[MACHINES_MAX];
};
/* `identity` is our own. */
enum result fleetkeys_peers(struct fleetkeys_peers *out, struct store_txn *registry,
                            struct store_txn *fleet, const uint8_t identity[SEAL_PUBLIC_LEN]);

/* For whom that machine has its packages boxed. NOT_FOUND: it has not said it. */
enum result fleetkeys_identity(struct store_txn *fleet, const char *machine,
                               uint8_t out[SEAL_PUBLIC_LEN]);

struct fleetkeys_work {
    struct store_txn *keys;
    const struct seal *seal;
    const struct settings *settings;
    const struct fleetkeys_peers *peers;
    uint64_t now;
};
/* True if fleetkeys_settle would change something. */
bool fleetkeys_is_due(const struct fleetkeys_work *work);
/* Notes what has changed and who has it, makes ZSKs ahead, and rolls what an evicted machine knew.
 * `keys` is a write transaction. `what` says in words what was begun, or is empty. */
enum result fleetkeys_settle(const struct fleetkeys_work *work, struct diag *what,
                             struct diag *diag);
/* Notes the steps that this machine has just taken in the same transaction. */
enum result fleetkeys_stepped(const struct fleetkeys_work *work, struct diag *diag);
/* The keys that take no step now: role bits. All are held while a change is not noted yet. */
unsigned fleetkeys_held(const struct fleetkeys_work *work);
/* True if a rollover of the ZSK that is due may begin. */
bool fleetkeys_may_roll(const struct fleetkeys *state, uint64_t now);

/* Makes the present package of a machine. */
enum result fleetkeys_pack(const struct fleetkeys_work *work, const struct fleetkeys_peer *peer,
                           struct store_item *out, struct diag *diag);

/* Goes on without this machine until it has the present package. */
enum result fleetkeys_without(struct store_txn *keys, const char *machine);
/* REFUSED, with who is waited for, unless all machines have what packages have now. OK if this
 * machine has never made a package. */
enum result fleetkeys_check_had(struct store_txn *keys, const struct seal *seal,
                                const struct settings *settings, struct diag *diag);

#endif
