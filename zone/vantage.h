/* A vantage point: one ntspool-probed with a name of its own, and what it says of itself. Rows of state/health.
 *
 * What a vantage point saw of the members counts while it reports. The newest word of any of them is the time as of which the
 * pool is judged: whoever was silent for `verdict-fresh` before that is not asked. So when all fall silent, the verdicts stay as
 * they were at the last word of the last one. */
#ifndef ZONE_VANTAGE_H
#define ZONE_VANTAGE_H

#include "zone/store.h"

enum {
    VANTAGE_ROOM = 17,
    VANTAGES_MAX = 8,
    VANTAGE_AHEAD_S = 60 /* a word from further in the future is not believed */
};

#define VANTAGE_PRESET "local"

enum vantage_state {
    VANTAGE_WELL = 0,
    VANTAGE_CLOCK_OFF,   /* its references tell another time */
    VANTAGE_NETWORK_OFF, /* none of its references answers, or no probe leaves */
    VANTAGE_HELD_UP      /* its process gets too little time: failures may be its own */
};

struct vantage {
    char name[VANTAGE_ROOM];
    uint32_t interval_s;
    uint64_t started_at;
    uint64_t
        well_at; /* its last word while it trusted itself, Unix seconds: as old are its verdicts */
    enum vantage_state state;
    uint64_t state_since;
    bool unsynchronised;    /* its kernel says that nothing keeps the clock */
    bool imported;          /* its rows came by `health import` */
    uint32_t members, down; /* members it holds eligible, and those of them that don't answer */
    uint64_t frozen_since;  /* too many went down at once, so none is taken out; 0: no */
    uint64_t family_frozen_since[2]; /* the same of addresses: IPv6, IPv4 */
    uint64_t released_at;            /* when the operator last said to take them out nevertheless */
};

struct vantages {
    unsigned count;
    struct vantage list[VANTAGES_MAX]; /* in order of name */
    bool asked[VANTAGES_MAX];          /* it reports, so its rows count */
    uint64_t as_of;                    /* the newest word; 0: there never was one */
    bool silent; /* none has reported for `fresh_s`: the verdicts are frozen */
};

/* 1 to 16 of a-z, 0-9 and hyphens, no hyphen first. */
bool vantage_name_fine(const char *name);
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

/* The store's layout of what follows the name. */
void vantage_encode(struct writer *w, const struct vantage *vantage);
enum result vantage_decode(struct vantage *out, const char *name, const uint8_t *data, size_t len);

const char *vantage_state_text(enum vantage_state state);

#endif
