/* What one worker handed out of one view. The worker counts an SRV answer by its area, whose turn it takes: who was in the answers follows
 * from the turns, since the view's decks say what each turn gives. So an answer costs two counters, the other one being of the client's
 * cell, and no more in a large pool than in a small one. Counted is what is sent: not what the rate limit drops, nor what is truncated, whose
 * client comes back by TCP. So nobody's place gets more demand than answers by forging its addresses.
 *
 * One worker writes; anybody may read at the same time what it has counted. Counted by references, of which the worker has one. */
#ifndef SERVER_TALLY_H
#define SERVER_TALLY_H

#include "server/state/usage.h"
#include "server/state/view.h"
#include "zone/steering/traffic.h"

struct tally {
    atomic_uint refs;
    struct view *view;
    uint32_t start; /* the first turn of every area */
    size_t area_count, cell_count;
    _Atomic(uint32_t) *turns, *queries; /* by area and by cell, and one more for what has none */
    _Atomic(uint32_t)
        over_budget; /* missing names denied by the chain, as their budget was used up */
    uint32_t *turns_told, *queries_told, over_budget_told; /* of these: what tally_tell has told */
};

/* With one reference, and one of the view. */
struct tally *tally_new(struct view *view, uint32_t start);
struct tally *tally_ref(struct tally *tally);
void tally_unref(struct tally *tally);

/* What an answer counts when it is sent; `turn` NULL: nothing. */
struct tally_due {
    _Atomic(uint32_t) *turn, *query;
};

enum {
    TALLY_NO_CELL = UINT16_MAX /* over all numbers of cells: it does not matter who asks */
};

/* The worker: the next turn of an area, for a client of a cell. If the answer is not sent after all, the next to ask gets the same turn. */
static inline uint32_t tally_turn(struct tally *tally, uint16_t area, uint16_t cell,
                                  struct tally_due *due)
{
    due->turn = &tally->turns[area < tally->area_count ? area : tally->area_count];
    due->query = &tally->queries[cell < tally->cell_count ? cell : tally->cell_count];
    return tally->start + atomic_load_explicit(due->turn, memory_order_relaxed);
}

/* Has one writer: no locked instruction is needed, only that readers see whole numbers. */
static inline void tally_count(_Atomic(uint32_t) *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* The worker: the answer is sent. */
static inline void tally_sent(const struct tally_due *due)
{
    tally_count(due->turn);
    tally_count(due->query);
}

/* Adds what was counted since the last time. One thread at a time. */
void tally_tell(struct tally *tally, struct traffic *traffic, struct usage *usage, uint64_t now);

#endif
