/* All that workers need and that changes seldom: settings, keys, who is eligible, the dealt decks.
 * Built aside by the refresher, immutable from then on, swapped by pointer, freed with its last
 * reference. */
#ifndef SERVER_ZONE_STATE_H
#define SERVER_ZONE_STATE_H

#include "dnssec/keys/cookie_secrets.h"
#include "server/state/deal.h"
#include "server/state/name_index.h"

enum {
    /* what is signed and kept is made anew after this long at the latest */
    ZONE_STATE_AGE_MAX_S = 600,
    /* less than what is left of any signature when it is put into a view */
    ZONE_STATE_BLOCKS_S = 12 * 3600,
    ZONE_STATE_SOA_ROOM = 1024
};

_Static_assert((int)DEAL_AGE_MAX_S <= (int)ZONE_STATE_AGE_MAX_S,
               "a view is no older than its deal");

struct zone_state {
    atomic_uint refs;
    uint64_t number; /* views count up: what was made of one holds for no other */
    /* number of the first view whose settings and keys make the same A, AAAA, CAA and NSEC */
    uint64_t style;
    uint64_t registry_version; /* of the snapshot it was built from */
    struct name_index *names;  /* of its names */
    struct settings settings;
    struct dname service; /* _ntske._tcp.<apex>, */
    struct dname_key service_key;
    struct deal *deal;
    uint64_t signed_first,
        signed_last; /* when the signatures in its blocks were made, Unix seconds */
    struct keyring *keyring;
    struct cookie_secrets cookies;
    struct places *places; /* NULL: no location file */
    struct rrset soa;      /* of negative answers */
    struct block soa_block;
    uint8_t soa_rdata[NODE_SCRATCH], soa_wire[ZONE_STATE_SOA_ROOM];
};

/* What to build from; the transactions are renewed by the caller. */
struct zone_state_sources {
    struct store_txn *registry, *health, *keys;
    const struct seal *seal;
    struct sigcache *cache;
    struct places *places;       /* may be NULL */
    const struct demand *demand; /* NULL: not known */
    struct keyring *keyring;     /* NULL: load it from `keys` */
    struct deal
        *dealt; /* upon the old view's deal, to be taken in its place; NULL: there is none */
};

/* A view with one reference. `old` (may be NULL) lends what still holds, its deal with the changes
 * since. */
enum result zone_state_build(struct zone_state **out, const struct zone_state_sources *sources,
                             const struct zone_state *old, uint64_t now, struct diag *diag);
void zone_state_unref(struct zone_state *zone);
struct zone_state *zone_state_ref(struct zone_state *zone);
/* True if the view was built from the snapshot that the transaction reads. */
bool zone_state_is_current(const struct zone_state *zone, const struct store_txn *registry);
/* True when it is time to deal anew though nothing changed, or when the clock was set. */
bool zone_state_is_due(const struct zone_state *zone, uint64_t now);

/* False if the signatures in the view's blocks may not be valid at `now`: the machine was asleep or
 * the clock was set, and the refresher has not come yet. What is signed on the spot is. */
static inline bool zone_state_blocks_hold(const struct zone_state *zone, uint64_t now)
{
    return now + RRSIG_BACKDATE_S >= zone->signed_last + ZONE_STATE_AGE_MAX_S &&
           now < zone->signed_first + ZONE_STATE_BLOCKS_S;
}

/* What a client gets: an SRV RRset in its three forms. */
struct srv_choice {
    const struct deck_set *set; /* NULL: nobody is eligible; */
    const struct rrset *srv;    /* then these may be NULL too */
    const struct block *block;
};
/* Number `turn` (modulo the deck's size) of an area; STEERING_NONE is one with nobody. */
struct srv_choice zone_state_srv(const struct zone_state *zone, uint16_t area, uint32_t turn);

#endif
