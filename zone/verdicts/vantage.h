/* A vantage point: one ntspool-probed with a name of its own, and what it reports of itself. Rows
 * of state/health.
 *
 * What a vantage point saw of the members counts while it reports. The newest word of any of them
 * is the time as of which the pool is judged: whoever was silent for `verdict-fresh` before that is
 * not asked. So when all fall silent, the verdicts stay as they were at the last word of the last
 * one. */
#ifndef ZONE_VANTAGE_H
#define ZONE_VANTAGE_H

#include "zone/base/address.h"
#include "zone/registry/vantage_name.h"
#include "zone/store/store.h"

enum {
    VANTAGE_AHEAD_S = 60 /* a word from further in the future is not believed */
};

enum vantage_state {
    VANTAGE_WELL = 0,
    VANTAGE_CLOCK_OFF,   /* its references tell another time */
    VANTAGE_NETWORK_OFF, /* none of its references answers, or no probe leaves */
    VANTAGE_HELD_UP      /* its process gets too little time: failures may be its own */
};

/* What a vantage point can say of an address family. What was never reached by it says more about
 * the vantage point than about the members. */
enum family_state {
    FAMILY_UNSEEN = 0, /* nothing was ever reached by it from there: it can't be judged */
    FAMILY_OFF,        /* it was on, and is not now: verdicts wait */
    FAMILY_ON
};

struct vantage_family {
    enum family_state state;
    uint64_t state_since;
    /* the vantage point's last word while the family was on: as old are the verdicts; 0: never */
    uint64_t well_at;
    uint64_t frozen_since; /* too many addresses went down at once, so none is left out; 0: no */
    uint32_t addresses;    /* of members */
};

struct vantage {
    char name[VANTAGE_ROOM];
    uint32_t interval_s;
    uint64_t started_at;
    /* its last word while it trusted itself, Unix seconds: as old are its verdicts */
    uint64_t well_at;
    enum vantage_state state;
    uint64_t state_since;
    bool unsynchronised;    /* its kernel says that nothing keeps the clock */
    uint32_t members, down; /* members it holds eligible, and those of them that don't answer */
    uint64_t frozen_since;  /* too many went down at once, so none is taken out; 0: no */
    struct vantage_family family[ADDRESS_FAMILIES];

    /* What follows is the pool's word, not the vantage point's. */

    /* The last report that was taken in, and when. */
    uint64_t position, received_at;
    /* When the operator last said to take out nevertheless what it holds frozen. */
    uint64_t released_at;
    /* The report came by `health import`. */
    bool imported;
    /* The operator forgot it: its position is kept, it counts again with its next report. */
    bool forgotten;
    /* Addresses of names that members bring, new on `newcomer_day` (since 1970). */
    uint32_t newcomer_day, newcomers;
};

struct vantages {
    unsigned count;
    struct vantage list[VANTAGES_MAX];             /* in order of name */
    bool asked[VANTAGES_MAX];                      /* it reports, so its rows count */
    bool asked_of[VANTAGES_MAX][ADDRESS_FAMILIES]; /* the same of each family */
    uint64_t as_of;                                /* the newest word; 0: there never was one */
    bool silent; /* none has reported for `fresh_s`: the verdicts are frozen */
};

/* Enters a word at `now`, which is of worth while the vantage point trusts itself. */
void vantage_word(struct vantage *vantage, uint64_t now);
/* The family says nothing of members now: it is off, or nothing was ever reached by it though
 * something was by the other. */
bool vantage_family_waits(const struct vantage *vantage, enum address_family family);
/* Removals are held back, of members or of addresses of a family. */
bool vantage_is_frozen(const struct vantage *vantage);

/* Passes on the result of writing to the health store; a failure gets its diag. */
enum result vantage_written(struct diag *diag, enum result result);
enum result vantage_get(struct store_txn *txn, const char *name, struct vantage *out);
/* FULL if there are VANTAGES_MAX others. */
enum result vantage_put(struct store_txn *txn, const struct vantage *vantage, struct diag *diag);
enum result vantage_forget(struct store_txn *txn, const char *name, struct diag *diag);
/* All of them, and which of them count at `now`. */
enum result vantages_read(struct vantages *out, struct store_txn *txn, uint32_t fresh_s,
                          uint64_t now);
/* Sets asked, as_of and silent by what is listed. Pure. */
void vantages_judge(struct vantages *vantages, uint32_t fresh_s, uint64_t now);
/* NULL if there is none of that name. */
const struct vantage *vantages_find(const struct vantages *vantages, const char *name);

/* The layout of what a vantage point says of itself, in its reports and in the store. The pool's
 * own fields are left 0. */
void vantage_encode(struct writer *w, const struct vantage *vantage);
enum result vantage_decode(struct vantage *out, const char *name, struct reader *r);
/* Takes over the pool's own fields from `ledger`. */
void vantage_keep_ledger(struct vantage *vantage, const struct vantage *ledger);
/* From schema 2 of the health store. */
enum result vantage_migrate_2(struct store_txn *txn, struct diag *diag);

const char *vantage_state_text(enum vantage_state state);
const char *family_state_text(enum family_state state);

#endif
