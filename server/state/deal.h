/* A deal: the members that may be handed out, and for each area the SRV ring dealt from them.
 * Immutable and counted: successive zone states share it while nothing in it changes.
 *
 * A new deal is made when it is due: after the SRV TTL, at most DEAL_AGE_MAX_S, or when half of the
 * pool has joined or left since; by the demand at that time, in a thread of its own
 * (server/upkeep/dealer.h). It is made at once when settings, keys or location files change, when
 * half of the pool joins or leaves in one change, and in small pools with every change. Between two
 * deals a change is patched in: a member that left is replaced in its sets, a member that joined
 * gets its part of the sets of each area, and only these sets are signed. Whatever the size of the
 * pool, that is about STEERING_SETS * srv-count sets divided by the number of members, and at most
 * twice STEERING_REGION_SETS for the member's regions. The shares are scaled again every
 * DEAL_AGE_MAX_S, or when the pool's capacity changed by a twentieth. */
#ifndef SERVER_DEAL_H
#define SERVER_DEAL_H

#include "server/state/demand.h"
#include "server/state/srv_ring.h"
#include "zone/steering/steering.h"

enum {
    DEAL_AGE_MAX_S = 60, /* of sets and of shares */
    DEAL_SMALL = 32      /* members: in a pool of this size or less each change makes a new deal */
};

/* Compiled location files, counted. */
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
    struct shared_steering *shared; /* the steering that the decks were dealt by */
    struct srv_ring **rings;        /* by area */
    /* Share per unit of weight in each area (struct allocation_list), kept up to date by
     * patches. */
    double *levels;
    size_t area_count;
    /* The input of the deal. */
    struct settings settings;
    struct keyring *keyring; /* what was patched in since may be signed by later keys */
    struct places *places;   /* may be NULL */
    uint64_t round;          /* deals count up, patches keep the number */
    uint64_t dealt_at;       /* Unix seconds */
    uint64_t scaled_at;      /* Unix seconds; 0: not yet */
    double scaled_capacity;  /* of the pool at that time */
    size_t patched;          /* members that joined or left since dealt_at */
};

struct deal_parts {
    const struct settings *settings;
    struct keyring *keyring;
    struct places *places;
    const struct demand *demand; /* NULL: not known */
    const struct dname *service;
    struct signer *signer;
    uint64_t now;
    const atomic_bool *give_up; /* may be NULL; once true, a new deal ends with REFUSED */
};

/* The deal after `old` (NULL: none yet): `old` with another reference if nothing changed, a patched
 * one, or a new one. Uses up the candidates, which were built with those of `old` before them.
 * Fails with the signer. */
enum result deal_next(struct deal **out, const struct deal_parts *parts, struct deal *old,
                      struct candidates *candidates);
/* A new deal for the same members. */
enum result deal_again(struct deal **out, const struct deal_parts *parts, const struct deal *old);
struct deal *deal_ref(struct deal *deal);
void deal_unref(struct deal *deal);
/* True when it is time for a new deal, or when the clock went back. */
bool deal_is_due(const struct deal *deal, uint64_t now);

/* Takes over the locations. */
struct places *places_new(struct locations *locations);
struct places *places_ref(struct places *places);
void places_unref(struct places *places);

#endif
