#include "server/state/srv_ring.h"

#include <stdlib.h>

/* Octets that grow at the end. */
struct pool {
    uint8_t *data;
    size_t used, room;
};

static uint8_t *pool_end(struct pool *pool, size_t room)
{
    if (pool->room - pool->used < room) {
        pool->room = 2 * pool->room + room;
        pool->data = xrealloc(pool->data, pool->room);
    }
    return pool->data + pool->used;
}

/* A ring while it is made. The pools move as they grow, so pointers into them are set at the
 * end. */
struct making {
    struct srv_ring *ring;
    const struct srv_ring_parts *parts;
    const struct srv_ring *old; /* NULL: there is none, or it has another number of sets */
    const bool *changed;
    struct pool rdata, wire;
};

/* The position of the first member's record, as records are in canonical order. Answers begin with
 * it, because some clients take the first record only. */
static uint16_t position_of_first(const struct candidates *candidates, const struct deck_set *set,
                                  const struct rrset *srv)
{
    const uint8_t *target = candidates_target(candidates, set->members[0]);
    size_t at = 0;
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (uint16_t i = 0; rrset_next(srv, &at, &rdata, &len); i++) {
        if (len == 6 + target[0] && memcmp(rdata + 6, target + 1, target[0]) == 0) {
            return i;
        }
    }
    return 0;
}

static bool same_as_old(const struct making *m, size_t i)
{
    const struct deck_set *set = &m->ring->deck.sets[i], *before = &m->old->deck.sets[i];
    bool same = set->count == before->count;
    for (unsigned k = 0; same && k < set->count; k++) {
        same = set->members[k] == before->members[k] &&
               (m->changed == NULL || !m->changed[set->members[k]]);
    }
    return same;
}

/* True if the set lies in the pools of `base`. */
static bool is_as_dealt(const struct srv_ring *ring, size_t i)
{
    return ring->base != NULL && ring->srv[i].rdata == ring->base->srv[i].rdata;
}

static void take_set(struct making *m, size_t i)
{
    m->ring->srv[i] = m->old->srv[i];
    m->ring->blocks[i] = m->old->blocks[i];
    if (is_as_dealt(m->ring, i)) {
        return;
    }
    size_t rdata_len = m->old->srv[i].rdata_len, wire_len = m->old->blocks[i].len[1];
    memcpy(pool_end(&m->rdata, rdata_len), m->old->srv[i].rdata, rdata_len);
    memcpy(pool_end(&m->wire, wire_len), m->old->blocks[i].wire, wire_len);
    m->ring->srv[i].rdata = NULL;
}

static enum result make_set(struct making *m, size_t i)
{
    enum {
        EACH = 2 * DECK_SRV_SCRATCH + SIGNER_SCRATCH
    };
    const struct srv_ring_parts *parts = m->parts;
    const struct deck_set *set = m->ring->deck.count == 0 ? NULL : &m->ring->deck.sets[i];
    struct rrset *srv = &m->ring->srv[i], signatures;
    uint8_t scratch[SIGNER_SCRATCH];
    deck_srv(set, parts->candidates, parts->weights, parts->ttl_s,
             pool_end(&m->rdata, DECK_SRV_SCRATCH), srv);
    enum result result =
        signer_sign(parts->signer, parts->owner, srv, parts->now, scratch, &signatures);
    if (result == RESULT_OK) {
        bool some = set != NULL && set->count > 0;
        uint16_t first = some ? position_of_first(parts->candidates, set, srv) : 0;
        const struct block_parts block = { NULL, srv, &signatures, first };
        CHECK(block_make(&m->ring->blocks[i], pool_end(&m->wire, EACH), EACH, parts->apex, &block));
    }
    return result;
}

/* Shrinks the pools and sets the pointers into them. */
static void set_pointers(struct making *m)
{
    struct srv_ring *ring = m->ring;
    ring->rdata = xrealloc(m->rdata.data, m->rdata.used + 1);
    ring->wire = xrealloc(m->wire.data, m->wire.used + 1);
    const uint8_t *rdata = ring->rdata, *wire = ring->wire;
    for (size_t i = 0; i < ring->count; i++) {
        if (is_as_dealt(ring, i)) {
            continue;
        }
        ring->srv[i].rdata = rdata;
        rdata += ring->srv[i].rdata_len;
        ring->blocks[i].wire = wire;
        wire += ring->blocks[i].len[1];
    }
}

enum result srv_ring_new(struct srv_ring **out, struct deck *deck,
                         const struct srv_ring_parts *parts, struct srv_ring *old,
                         const bool *changed)
{
    struct srv_ring *ring = xcalloc(1, sizeof(*ring));
    bool alike = old != NULL && deck->count > 0 && old->deck.count == deck->count;
    struct making m = {
        .ring = ring, .parts = parts, .old = alike ? old : NULL, .changed = changed
    };
    enum result result = RESULT_OK;
    atomic_init(&ring->refs, 1);
    ring->deck = *deck;
    *deck = (struct deck){ .count = 0 };
    ring->base = !alike ? NULL : srv_ring_ref(old->base == NULL ? old : old->base);
    ring->count = ring->deck.count > 0 ? ring->deck.count : 1;
    ring->srv = xcalloc(ring->count, sizeof(*ring->srv));
    ring->blocks = xcalloc(ring->count, sizeof(*ring->blocks));
    for (size_t i = 0; i < ring->count && result == RESULT_OK; i++) {
        if (m.old != NULL && same_as_old(&m, i)) {
            take_set(&m, i);
        } else {
            result = make_set(&m, i);
        }
        if (!is_as_dealt(ring, i)) {
            m.rdata.used += ring->srv[i].rdata_len;
            m.wire.used += ring->blocks[i].len[1];
        }
    }
    set_pointers(&m);
    if (result != RESULT_OK) {
        srv_ring_unref(ring);
        return result;
    }
    *out = ring;
    return RESULT_OK;
}

struct srv_ring *srv_ring_ref(struct srv_ring *ring)
{
    atomic_fetch_add(&ring->refs, 1);
    return ring;
}

void srv_ring_unref(struct srv_ring *ring)
{
    while (ring != NULL && atomic_fetch_sub(&ring->refs, 1) == 1) {
        struct srv_ring *base = ring->base;
        deck_done(&ring->deck);
        free(ring->srv);
        free(ring->blocks);
        free(ring->rdata);
        free(ring->wire);
        free(ring);
        ring = base;
    }
}
