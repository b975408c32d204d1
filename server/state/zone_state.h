/* All that workers need and that changes seldom: settings, keys, names, the deal. The refresher
 * builds a zone state aside. From then on it is immutable, swapped by pointer, and freed with its
 * last reference. */
#ifndef SERVER_ZONE_STATE_H
#define SERVER_ZONE_STATE_H

#include "dnssec/keys/cookie_secrets.h"
#include "dnssec/rollover/rollover.h"
#include "server/state/apex_blocks.h"
#include "server/state/deal.h"
#include "server/state/name_index.h"

enum {
    /* Signed and cached records are renewed after this long at the latest. */
    ZONE_STATE_AGE_MAX_S = 480,
    /* Shorter than the remaining lifetime of any signature when it enters a zone state. */
    ZONE_STATE_BLOCKS_S = 12 * 3600
};

_Static_assert((int)ZONE_STATE_AGE_MAX_S + (int)SIGNER_FORMER_S <= (int)ROLLOVER_RESIGN_S,
               "what is cached with a signature of a former key is gone in time");
_Static_assert((int)DEAL_AGE_MAX_S <= (int)ZONE_STATE_AGE_MAX_S,
               "a zone state is no older than its deal");

struct zone_state {
    atomic_uint refs;
    uint64_t number; /* counts up */
    /* Number of the first zone state whose settings and keys give the same A, AAAA, CAA and
     * NSEC. */
    uint64_t style;
    uint64_t registry_version, health_version; /* of the transactions it was built from */
    struct name_index *names;                  /* of the same transaction */
    struct settings settings;
    struct dname service; /* _ntske._tcp.<apex> */
    struct dname_key service_key;
    struct deal *deal;
    /* When the first and the last signature in its blocks were made, and until when these may be
     * served, Unix seconds. */
    uint64_t signed_first, signed_last, blocks_until;
    struct keyring *keyring;
    struct cookie_secrets cookies;
    struct places *places; /* NULL: no location file */
    struct rrset soa;      /* of negative answers */
    uint8_t soa_rdata[NODE_SCRATCH];
    struct apex_blocks apex_blocks;
};

/* The input of a zone state. The caller renews the transactions. */
struct zone_state_sources {
    struct store_txn *registry, *health, *keys;
    const struct seal *seal;
    struct sigcache *cache;
    struct signature_counts *counts; /* of the signatures made for it; NULL: nobody's */
    struct places *places;           /* may be NULL */
    const struct demand *demand;     /* NULL: not known */
    struct keyring *keyring;         /* NULL: load it from `keys` */
    struct deal *dealt; /* a new deal, to take the place of the old one; NULL: there is none */
};

/* A zone state with one reference. Takes over the parts of `old` (may be NULL) that are still
 * valid, and its deal with the changes since. */
enum result zone_state_build(struct zone_state **out, const struct zone_state_sources *sources,
                             const struct zone_state *old, uint64_t now, struct diag *diag);
void zone_state_unref(struct zone_state *zone);
struct zone_state *zone_state_ref(struct zone_state *zone);
/* True if the zone state was built from the transaction's snapshot. */
bool zone_state_is_current(const struct zone_state *zone, const struct store_txn *registry);
/* True when it is time for a new deal though nothing changed, or when the clock was set. */
bool zone_state_is_due(const struct zone_state *zone, uint64_t now);

/* False if the signatures in the blocks may not be valid at `now`: the machine was suspended or the
 * clock was set, and there is no new zone state yet; or keys that no longer sign made them, and
 * there is no new deal yet. Records are signed on the spot then. */
static inline bool zone_state_blocks_hold(const struct zone_state *zone, uint64_t now)
{
    return now + RRSIG_BACKDATE_S >= zone->signed_last + ZONE_STATE_AGE_MAX_S &&
           now < zone->blocks_until;
}

/* The block of an RRset of the apex; NULL if there is none that may be served at `now`. */
static inline const struct block *zone_state_apex_block(const struct zone_state *zone,
                                                        uint16_t type, uint64_t now)
{
    return zone_state_blocks_hold(zone, now) ? apex_blocks_of(&zone->apex_blocks, type) : NULL;
}

/* For how long an answer is cached, by a hash of its name: at least half of ZONE_STATE_AGE_MAX_S.
 * So answers that were cached at the same time, such as after a start, are not renewed at the same
 * time. */
static inline uint16_t zone_state_lifetime_s(uint64_t hash)
{
    return (uint16_t)(ZONE_STATE_AGE_MAX_S - hash % (ZONE_STATE_AGE_MAX_S / 2 + 1));
}

/* An SRV RRset in its three forms. */
struct srv_choice {
    const struct deck_set *set; /* NULL: no member is eligible; */
    const struct rrset *srv;    /* these may be NULL too then */
    const struct block *block;
};
/* RRset number `turn` (modulo the size of the deck) of an area. STEERING_NONE has no member. */
static inline struct srv_choice zone_state_srv(const struct zone_state *zone, uint16_t area,
                                               uint32_t turn)
{
    if (area >= zone->deal->area_count) {
        return (struct srv_choice){ NULL, NULL, NULL };
    }
    const struct srv_ring *ring = zone->deal->rings[area];
    size_t i = turn % (uint32_t)ring->count; /* the short division */
    const struct deck_set *set = ring->deck.count == 0 ? NULL : &ring->deck.sets[i];
    return (struct srv_choice){ set, &ring->srv[i], &ring->blocks[i] };
}

#endif
