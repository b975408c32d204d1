/* A deal: who may be handed out, and for each area the hand dealt from them. Immutable, counted:
 * successive views share it while nothing in it changes.
 *
 * All is dealt anew when it is due (after the SRV TTL, at most DEAL_AGE_MAX_S, by the demand as it
 * is then; a thread of its own does it, server/upkeep/dealer.h), when settings, keys or location
 * files change, when a large part of the pool has come or gone, and, in small pools, with every
 * change. In between a change costs what it touches: who left is replaced in the sets that held it,
 * who came gets its part of the sets of each area, and only these are signed. In a pool of any size
 * that is for each change about STEERING_SETS * srv-count sets divided by the number of members,
 * and twice STEERING_REGION_SETS at most for its regions. The factors of the shares are found anew
 * every DEAL_AGE_MAX_S, or with a change of the pool's capacity by a twentieth. */
#ifndef SERVER_DEAL_H
#define SERVER_DEAL_H

#include "server/state/demand.h"
#include "server/state/srv_ring.h"
#include "zone/steering/steering.h"

enum {
    DEAL_AGE_MAX_S = 60, /* of sets and of shares */
    DEAL_SMALL = 32      /* members: with as many, or fewer, each change deals anew */
};

/* Compiled location files, shared by the views that use it. */
struct places {
    atomic_uint refs;
    struct locations *locations;
};

/* Areas and shares. Deals share them while only members change. */
struct shared_steering {
    atomic_uint refs;
    struct steering steering;
};

struct deal {
    atomic_uint refs;
    struct candidates candidates;
    struct shared_steering *shared; /* what the decks were dealt by */
    struct srv_ring **rings;        /* of each area */
    /* of the list that each was dealt from (struct allocation_list), with the changes since */
    double *levels;
    size_t area_count;
    /* What it was made by: */
    struct settings settings;
    struct keyring *keyring;
    struct places *places;    /* may be NULL */
    uint64_t round, dealt_at; /* dealt_at, scaled_at: Unix seconds */
    uint64_t scaled_at;       /* 0: not yet */
    double scaled_capacity;   /* the pool's, then */
    size_t patched;           /* changes since dealt_at */
};

struct deal_parts {
    const struct settings *settings;
    struct keyring *keyring;
    struct places *places;
    const struct demand *demand; /* NULL: not known */
    const struct dname *service;
    struct signer *signer;
    uint64_t now;
    const atomic_bool *give_up; /* NULL, or: once true, dealing anew ends with REFUSED */
};

/* The deal that follows upon `old` (NULL: none yet): the same one with another reference if nothing
 * changed. The roster, built with `old`'s before it, is used up. Fails with the signer. */
enum result deal_next(struct deal **out, const struct deal_parts *parts, struct deal *old,
                      struct candidates *candidates);
/* Deals anew for the same members. */
enum result deal_again(struct deal **out, const struct deal_parts *parts, const struct deal *old);
struct deal *deal_ref(struct deal *deal);
void deal_unref(struct deal *deal);
/* True when it is time to deal anew though nothing changed, or when the clock went back. */
bool deal_is_due(const struct deal *deal, uint64_t now);

/* Takes over the locations. */
struct places *places_new(struct locations *locations);
struct places *places_ref(struct places *places);
void places_unref(struct places *places);

#endif
