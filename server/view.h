/* All that workers need and that changes seldom: settings, keys, who is eligible, the dealt decks. Built aside by the refresher,
 * immutable from then on, swapped by pointer, freed with its last reference. */
#ifndef SERVER_VIEW_H
#define SERVER_VIEW_H

#include <stdatomic.h>

#include "dnssec/keyring.h"
#include "zone/deck.h"
#include "zone/geo.h"

/* A location file, shared by the views that use it. */
struct places {
    atomic_uint refs;
    struct geo *geo;
};

/* Who is handed out, and the SRV RRsets dealt from them; shared by successive views while nothing in it changes. */
struct deal {
    atomic_uint refs;
    struct roster roster;
    struct decks decks;
    uint32_t srv_ttl_s, srv_count; /* the settings it was dealt by */
    bool srv_weights;
    uint64_t dealt_at; /* Unix seconds */
    size_t srv_total;
    struct rrset
        *srv; /* DECK_SETS for each deck, in the decks' order; just `0 0 0 .` if there are none */
    uint8_t *srv_rdata; /* what they point into */
};

struct view {
    atomic_uint refs;
    uint64_t registry_version; /* of the snapshot it was built from */
    struct settings settings;
    struct deal *deal;
    struct keyring *keyring;
    struct places *places; /* NULL: no location file */
};

/* What to build from; the transactions are renewed by the caller. */
struct view_sources {
    struct store_txn *registry, *health, *keys;
    const struct seal *seal;
    struct places *places;   /* may be NULL */
    struct keyring *keyring; /* NULL: load it from `keys` */
};

/* A view with one reference. `old` (may be NULL) lends its deal if that still holds and is younger than its TTL. */
enum result view_build(struct view **out, const struct view_sources *sources,
                       const struct view *old, uint64_t now, struct diag *diag);
void view_unref(struct view *view);
struct view *view_ref(struct view *view);

/* The SRV RRset number `turn` (modulo the deck's size) for a client in `country`. */
const struct rrset *view_srv(const struct view *view, const char *country, uint32_t turn);
/* The set of members behind it; NULL if nobody is eligible. */
const struct deck_set *view_set(const struct view *view, const char *country, uint32_t turn);

/* Takes over the geo. */
struct places *places_new(struct geo *geo);
void places_unref(struct places *places);

#endif
