/* A ring: a deck with its SRV RRsets, signed and in wire form, which answers give out one after the
 * other. Immutable and counted: deals share a ring in which nothing changed. */
#ifndef SERVER_SRV_RING_H
#define SERVER_SRV_RING_H

#include <stdatomic.h>

#include "dnssec/signing/signer.h"
#include "server/state/records.h"
#include "zone/steering/deck_srv.h"

struct srv_ring {
    atomic_uint refs;
    /* Without sets no member can be handed out; then the one RRset is `0 0 0 .` (RFC 2782). */
    struct deck deck;
    size_t count;      /* RRsets, at least 1 */
    struct rrset *srv; /* by set */
    struct block *blocks;
    /* Storage of the sets made for this ring. Unchanged sets point into that of `base`. */
    uint8_t *rdata, *wire;
    struct srv_ring *base; /* the ring that was dealt, without patches; NULL: this one */
};

/* The input of a ring. */
struct srv_ring_parts {
    const struct candidates *candidates;
    const struct dname *apex;
    const struct dname *owner; /* the service name of the zone or of a region */
    bool weights;              /* publish them */
    uint32_t ttl_s;
    struct signer *signer;
    uint64_t now;
};

/* Takes over the deck. Sets that are the same as in `old` (may be NULL) are taken from it, unless
 * `changed` (by index; may be NULL) says that the SRV record of a member is another. Sets that are
 * still as dealt stay in `base`: a patch does not copy them and leaves the CPU's caches alone.
 * Fails with the signer. */
enum result srv_ring_new(struct srv_ring **out, struct deck *deck,
                         const struct srv_ring_parts *parts, struct srv_ring *old,
                         const bool *changed);
struct srv_ring *srv_ring_ref(struct srv_ring *ring);
void srv_ring_unref(struct srv_ring *ring);

#endif
