/* All that workers need and that changes seldom: settings, keys, who is eligible, the dealt decks. Built aside by the refresher,
 * immutable from then on, swapped by pointer, freed with its last reference. */
#ifndef SERVER_VIEW_H
#define SERVER_VIEW_H

#include <stdatomic.h>

#include "dnssec/cookie_secrets.h"
#include "dnssec/signer.h"
#include "server/order.h"
#include "server/records.h"
#include "zone/deck.h"
#include "zone/locations.h"

/* Compiled location files, shared by the views that use it. */
struct places {
    atomic_uint refs;
    struct locations *locations;
};

enum {
    VIEW_AGE_MAX_S = 600, /* a deal, a signed SOA are made anew after this long at the latest */
    VIEW_BLOCKS_S =
        12 * 3600, /* less than what is left of any signature when it is put into a view */
    VIEW_SOA_ROOM = 1024
};

/* Who is handed out, and the SRV RRsets dealt from them, signed; shared by successive views while nothing in it changes. */
struct deal {
    atomic_uint refs;
    struct roster roster;
    struct decks decks;
    uint32_t srv_ttl_s, srv_count; /* the settings it was dealt by */
    bool srv_weights;
    struct keyring *keyring; /* that signed, and for how long */
    uint32_t signature_validity_s;
    uint64_t seed;     /* of the deal */
    uint64_t dealt_at; /* Unix seconds, with this seed */
    size_t srv_total;
    struct rrset
        *srv; /* DECK_SETS for each deck, in the decks' order; just `0 0 0 .` if there are none */
    uint8_t *srv_rdata;   /* what they point into */
    struct block *blocks; /* of each of them, the record of the member drawn first in front */
    uint8_t *block_wire;
};

struct view {
    atomic_uint refs;
    uint64_t number; /* views count up: what was made of one holds for no other */
    uint64_t
        style; /* number of the first view whose settings and keys make the same A, AAAA, CAA and NSEC */
    uint64_t registry_version; /* of the snapshot it was built from */
    struct order *order;       /* of its names */
    struct settings settings;
    struct dname service; /* _ntske._tcp.<apex>, */
    struct dname_key service_key;
    struct deal *deal;
    struct keyring *keyring;
    struct cookie_secrets cookies;
    struct places *places; /* NULL: no location file */
    struct rrset soa;      /* of negative answers */
    struct block soa_block;
    uint8_t soa_rdata[NODE_SCRATCH], soa_wire[VIEW_SOA_ROOM];
};

/* What to build from; the transactions are renewed by the caller. */
struct view_sources {
    struct store_txn *registry, *health, *keys;
    const struct seal *seal;
    struct sigcache *cache;
    struct places *places;   /* may be NULL */
    struct keyring *keyring; /* NULL: load it from `keys` */
};

/* A view with one reference. `old` (may be NULL) lends its deal if that still holds and is not due. */
enum result view_build(struct view **out, const struct view_sources *sources,
                       const struct view *old, uint64_t now, struct diag *diag);
void view_unref(struct view *view);
struct view *view_ref(struct view *view);
/* True if the view was built from the snapshot that the transaction reads. */
bool view_is_current(const struct view *view, const struct store_txn *registry);
/* True when it is time to deal anew though nothing changed, or when the clock went back. */
bool view_is_due(const struct view *view, uint64_t now);

/* False if the signatures in the view's blocks may not be valid at `now`: the machine was asleep or the clock was set, and the
 * refresher has not come yet. What is signed on the spot is. */
static inline bool view_blocks_hold(const struct view *view, uint64_t now)
{
    return now + SIGNER_BACKDATE_S >= view->deal->dealt_at + VIEW_AGE_MAX_S &&
           now < view->deal->dealt_at + VIEW_BLOCKS_S;
}

/* What a client gets: an SRV RRset in its three forms. */
struct srv_choice {
    const struct deck_set *set; /* NULL: nobody is eligible */
    const struct rrset *srv;
    const struct block *block;
};
/* Number `turn` (modulo the deck's size) for a client in `country`. */
struct srv_choice view_srv(const struct view *view, const char *country, uint32_t turn);

/* Takes over the locations. */
struct places *places_new(struct locations *locations);
void places_unref(struct places *places);

#endif
