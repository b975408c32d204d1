#include "server/state/hand.h"

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

/* A hand while it is made: what points into the pools is put right at the end, since they move. */
struct making {
    struct hand *hand;
    const struct hand_parts *parts;
    const struct hand *old; /* NULL: there is none, or none with as many sets */
    const bool *changed;
    struct pool rdata, wire;
};

/* Where the member that is the set's first stands among its records, which are in canonical order: some clients take the first record
 * only. */
static uint16_t place_of_first(const struct roster *roster, const struct deck_set *set,
                               const struct rrset *srv)
{
    const uint8_t *target = roster_target(roster, set->members[0]);
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
    const struct deck_set *set = &m->hand->deck.sets[i], *before = &m->old->deck.sets[i];
    bool same = set->count == before->count;
    for (unsigned k = 0; same && k < set->count; k++) {
        same = set->members[k] == before->members[k] &&
               (m->changed == NULL || !m->changed[set->members[k]]);
    }
    return same;
}

/* True if the set lies in the pools of the hand that was dealt. */
static bool is_as_dealt(const struct hand *hand, size_t i)
{
    return hand->base != NULL && hand->srv[i].rdata == hand->base->srv[i].rdata;
}

static void take_set(struct making *m, size_t i)
{
    m->hand->srv[i] = m->old->srv[i];
    m->hand->blocks[i] = m->old->blocks[i];
    if (is_as_dealt(m->hand, i)) {
        return;
    }
    size_t rdata_len = m->old->srv[i].rdata_len, wire_len = m->old->blocks[i].len[1];
    memcpy(pool_end(&m->rdata, rdata_len), m->old->srv[i].rdata, rdata_len);
    memcpy(pool_end(&m->wire, wire_len), m->old->blocks[i].wire, wire_len);
    m->hand->srv[i].rdata = NULL;
}

static enum result make_set(struct making *m, size_t i)
{
    enum {
        EACH = 2 * DECK_SRV_SCRATCH + SIGNER_SCRATCH
    };
    const struct hand_parts *parts = m->parts;
    const struct deck_set *set = m->hand->deck.count == 0 ? NULL : &m->hand->deck.sets[i];
    struct rrset *srv = &m->hand->srv[i], signatures;
    uint8_t scratch[SIGNER_SCRATCH];
    deck_srv(set, parts->roster, parts->weights, parts->ttl_s,
             pool_end(&m->rdata, DECK_SRV_SCRATCH), srv);
    enum result result =
        signer_sign(parts->signer, parts->owner, srv, parts->now, scratch, &signatures);
    if (result == RESULT_OK) {
        bool some = set != NULL && set->count > 0;
        uint16_t first = some ? place_of_first(parts->roster, set, srv) : 0;
        const struct block_parts block = { NULL, srv, &signatures, first };
        ASSERT(
            block_make(&m->hand->blocks[i], pool_end(&m->wire, EACH), EACH, parts->apex, &block));
    }
    return result;
}

static void settle(struct making *m)
{
    struct hand *hand = m->hand;
    hand->rdata = xrealloc(m->rdata.data, m->rdata.used + 1);
    hand->wire = xrealloc(m->wire.data, m->wire.used + 1);
    const uint8_t *rdata = hand->rdata, *wire = hand->wire;
    for (size_t i = 0; i < hand->count; i++) {
        if (is_as_dealt(hand, i)) {
            continue;
        }
        hand->srv[i].rdata = rdata;
        rdata += hand->srv[i].rdata_len;
        hand->blocks[i].wire = wire;
        wire += hand->blocks[i].len[1];
    }
}

enum result hand_new(struct hand **out, struct deck *deck, const struct hand_parts *parts,
                     struct hand *old, const bool *changed)
{
    struct hand *hand = xcalloc(1, sizeof(*hand));
    bool alike = old != NULL && deck->count > 0 && old->deck.count == deck->count;
    struct making m = {
        .hand = hand, .parts = parts, .old = alike ? old : NULL, .changed = changed
    };
    enum result result = RESULT_OK;
    atomic_init(&hand->refs, 1);
    hand->deck = *deck;
    *deck = (struct deck){ .count = 0 };
    hand->base = !alike ? NULL : hand_ref(old->base == NULL ? old : old->base);
    hand->count = hand->deck.count > 0 ? hand->deck.count : 1;
    hand->srv = xcalloc(hand->count, sizeof(*hand->srv));
    hand->blocks = xcalloc(hand->count, sizeof(*hand->blocks));
    for (size_t i = 0; i < hand->count && result == RESULT_OK; i++) {
        if (m.old != NULL && same_as_old(&m, i)) {
            take_set(&m, i);
        } else {
            result = make_set(&m, i);
        }
        if (!is_as_dealt(hand, i)) {
            m.rdata.used += hand->srv[i].rdata_len;
            m.wire.used += hand->blocks[i].len[1];
        }
    }
    settle(&m);
    if (result != RESULT_OK) {
        hand_unref(hand);
        return result;
    }
    *out = hand;
    return RESULT_OK;
}

struct hand *hand_ref(struct hand *hand)
{
    atomic_fetch_add(&hand->refs, 1);
    return hand;
}

void hand_unref(struct hand *hand)
{
    while (hand != NULL && atomic_fetch_sub(&hand->refs, 1) == 1) {
        struct hand *base = hand->base;
        deck_done(&hand->deck);
        free(hand->srv);
        free(hand->blocks);
        free(hand->rdata);
        free(hand->wire);
        free(hand);
        hand = base;
    }
}
