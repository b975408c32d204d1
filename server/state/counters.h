/* What one worker handed out of one view. The worker counts an SRV answer by its area, whose turn
 * it takes: who was in the answers follows from the turns, since the view's decks say what each
 * turn gives. So an answer costs two counters, the other one being of the client's cell, and no
 * more in a large pool than in a small one. Counted is what is sent: not what the rate limit drops,
 * nor what is truncated, whose client comes back by TCP. So nobody's place gets more demand than
 * answers by forging its addresses.
 *
 * One worker writes; anybody may read at the same time what it has counted. Counted by references,
 * of which the worker has one. */
#ifndef SERVER_COUNTERS_H
#define SERVER_COUNTERS_H

#include "server/state/demand.h"
#include "server/state/zone_state.h"
#include "zone/steering/traffic.h"

struct counters {
    atomic_uint refs;
    struct zone_state *zone;
    uint32_t start; /* the first turn of every area */
    size_t area_count, cell_count;
    _Atomic(uint32_t) *turns, *queries; /* by area and by cell, and one more for what has none */
    _Atomic(uint32_t)
        over_budget; /* missing names denied by the chain, as their budget was used up */
    uint32_t *turns_told, *queries_told,
        over_budget_told; /* of these: what counters_tell has told */
};

/* With one reference, and one of the view. */
struct counters *counters_new(struct zone_state *zone, uint32_t start);
struct counters *counters_ref(struct counters *counters);
void counters_unref(struct counters *counters);

/* What an answer counts when it is sent; `turn` NULL: nothing. */
struct counters_due {
    _Atomic(uint32_t) *turn, *query;
};

enum {
    COUNTERS_NO_CELL = UINT16_MAX /* over all numbers of cells: it does not matter who asks */
};

/* The worker: the next turn of an area, for a client of a cell. If the answer is not sent after
 * all, the next to ask gets the same turn. */
static inline uint32_t counters_turn(struct counters *counters, uint16_t area, uint16_t cell,
                                     struct counters_due *due)
{
    due->turn = &counters->turns[area < counters->area_count ? area : counters->area_count];
    due->query = &counters->queries[cell < counters->cell_count ? cell : counters->cell_count];
    return counters->start + atomic_load_explicit(due->turn, memory_order_relaxed);
}

/* Has one writer: no locked instruction is needed, only that readers see whole numbers. */
static inline void counters_count(_Atomic(uint32_t) *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* The worker: the answer is sent. */
static inline void counters_sent(const struct counters_due *due)
{
    counters_count(due->turn);
    counters_count(due->query);
}

/* Adds what was counted since the last time. One thread at a time. */
void counters_tell(struct counters *counters, struct traffic *traffic, struct demand *demand,
                   uint64_t now);

#endif
