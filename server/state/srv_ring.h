/* A hand: one deck with its SRV RRsets, signed and in wire form, as answers copy them. Immutable,
 * counted: views that deal a cell the same share it. */
#ifndef SERVER_SRV_RING_H
#define SERVER_SRV_RING_H

#include <stdatomic.h>

#include "dnssec/signing/signer.h"
#include "server/state/records.h"
#include "zone/steering/deck_srv.h"

struct srv_ring {
    atomic_uint refs;
    /* no sets: nobody to hand out, and there is one RRset, `0 0 0 .` (RFC 2782) */
    struct deck deck;
    size_t count;      /* RRsets, at least 1 */
    struct rrset *srv; /* of each set */
    struct block *blocks;
    uint8_t *rdata, *wire; /* what they point into, */
    /* or these of the hand that was dealt and that this one came of by changes; NULL: this is it */
    struct srv_ring *base;
};

/* What a hand is made with. */
struct srv_ring_parts {
    const struct candidates *candidates;
    const struct dname *apex, *owner; /* who is signed for: the service's name, or a region's */
    bool weights;                     /* publish them */
    uint32_t ttl_s;
    struct signer *signer;
    uint64_t now;
};

/* Takes over the deck. Sets that are the same as in `old` (may be NULL) are taken from there,
 * unless `changed` (by seat; may be NULL) says that a member's records are others now. What still
 * is as it was dealt stays where it lies, so that a change costs neither copies nor what caches
 * hold. Fails with the signer. */
enum result srv_ring_new(struct srv_ring **out, struct deck *deck,
                         const struct srv_ring_parts *parts, struct srv_ring *old,
                         const bool *changed);
struct srv_ring *srv_ring_ref(struct srv_ring *ring);
void srv_ring_unref(struct srv_ring *ring);

#endif
