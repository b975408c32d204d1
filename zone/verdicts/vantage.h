/* A vantage point: one ntspool-probed with a name of its own. These are the rows of state/health
 * with what it reports about itself.
 *
 * Verdicts of a vantage point count while it reports. Freshness is measured against the newest
 * report of any vantage point, not against the clock: a vantage point does not count if its last
 * report is `verdict-fresh` older than that. So if all of them fall silent, the verdicts stay as
 * they were. */
#ifndef ZONE_VANTAGE_H
#define ZONE_VANTAGE_H

#include "zone/base/address.h"
#include "zone/registry/vantage_name.h"
#include "zone/store/store.h"

enum {
    VANTAGE_AHEAD_S = 60, /* a report from further in the future is not believed */
    /* How many must be down until the fault may be its own; in the smallest pools, all of so many.
     */
    VANTAGE_ALARM_LEAST = 3
};

enum vantage_state {
    VANTAGE_WELL = 0,
    VANTAGE_CLOCK_OFF,   /* its references show another time */
    VANTAGE_NETWORK_OFF, /* none of its references answers, or no probe can be sent */
    VANTAGE_HELD_UP      /* its process gets too little CPU time: failures may be its own */
};

/* State of an address family at a vantage point. If nothing was ever reached by a family, that says
 * more about the vantage point than about the members. */
enum family_state {
    FAMILY_UNSEEN = 0, /* nothing was ever reached by it: the vantage point can't judge it */
    FAMILY_OFF,        /* it worked before: verdicts wait */
    FAMILY_ON
};

struct vantage_family {
    enum family_state state;
    uint64_t state_since;
    /* the last report while the family was on: the age of its verdicts; 0: never */
    uint64_t well_at;
    /* since when too many addresses fail at once, so that none is left out; 0: not */
    uint64_t frozen_since;
    uint32_t addresses; /* number of members' addresses */
};

struct vantage {
    char name[VANTAGE_ROOM];
    uint32_t interval_s;
    uint64_t started_at;
    /* the last report while it trusted itself, in Unix seconds: the age of its verdicts */
    uint64_t well_at;
    enum vantage_state state;
    uint64_t state_since;
    bool unsynchronised;    /* the kernel says that the clock is not synchronised */
    uint32_t members, down; /* members it holds eligible, and those of them that don't answer */
    uint64_t frozen_since;  /* since when too many fail at once, so that none is removed; 0: not */
    struct vantage_family family[ADDRESS_FAMILIES];

    /* The following fields are the pool's, not the vantage point's. */

    /* Number of the last report taken in, and when. */
    uint64_t position, received_at;
    /* When the operator last released its freeze: members that it holds frozen are removed. */
    uint64_t released_at;
    /* The last report came from another machine. */
    bool imported;
    /* The operator removed it with `health forget`. Its position is kept; it counts again from its
     * next report on. */
    bool forgotten;
    /* The day since 1970, and the new addresses on it of names that members bring. */
    uint32_t new_address_day, new_addresses;
};

struct vantages {
    unsigned count;
    struct vantage list[VANTAGES_MAX];                    /* sorted by name */
    bool asked[VANTAGES_MAX];                             /* it reports, so its verdicts count */
    bool asked_by_family[VANTAGES_MAX][ADDRESS_FAMILIES]; /* the same per family */
    uint64_t as_of; /* time of the newest report; 0: none yet */
    bool silent;    /* no report for `fresh_s`: the verdicts are frozen */
};

/* Enters a report at `now`. It counts only while the vantage point trusts itself. */
void vantage_mark_well(struct vantage *vantage, uint64_t now);
/* True if verdicts on the family wait: it is off, or nothing was ever reached by it, though
 * something was by the other one. */
bool vantage_family_waits(const struct vantage *vantage, enum address_family family);
/* True if removals are held back, of members or of addresses of a family. */
bool vantage_is_frozen(const struct vantage *vantage);

/* Passes on the result of a write to the health store, with a diag on failure. */
enum result vantage_written(struct diag *diag, enum result result);
enum result vantage_get(struct store_txn *txn, const char *name, struct vantage *out);
/* FULL if there are VANTAGES_MAX others. */
enum result vantage_put(struct store_txn *txn, const struct vantage *vantage, struct diag *diag);
enum result vantage_forget(struct store_txn *txn, const char *name, struct diag *diag);
/* Reads all vantage points and judges which ones count at `now`. */
enum result vantages_read(struct vantages *out, struct store_txn *txn, uint32_t fresh_s,
                          uint64_t now);
/* Sets asked, as_of and silent from the list. Pure. */
void vantages_judge(struct vantages *vantages, uint32_t fresh_s, uint64_t now);
/* NULL if there is none of this name. */
const struct vantage *vantages_find(const struct vantages *vantages, const char *name);

/* The layout of a vantage point's own fields, in reports and in the store. The pool's fields are
 * left 0. */
void vantage_encode(struct writer *w, const struct vantage *vantage);
enum result vantage_decode(struct vantage *out, const char *name, struct reader *r);
/* Copies the pool's fields. */
void vantage_copy_pool_fields(struct vantage *vantage, const struct vantage *pool_fields);
/* Migrates the rows from schema 2 of the health store. */
enum result vantage_migrate_2(struct store_txn *txn, struct diag *diag);

const char *vantage_state_text(enum vantage_state state);
const char *family_state_text(enum family_state state);

#endif
