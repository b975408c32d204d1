/* What one worker answered from one zone state. An SRV answer takes the next turn of its area. The
 * decks of the zone state say which members each turn gives, so the turns tell who was handed out.
 * An answer costs two increments, for its area and for the client's cell, whatever the size of the
 * pool. Only answers that are sent count: not those that the rate limit drops, nor truncated ones,
 * whose clients come back over TCP. So forged sources give a cell no more demand than it gets
 * answers.
 *
 * One worker writes, any thread may read at the same time. The worker holds one of the
 * references. */
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
    /* By area and by cell, with one more element for "none". */
    _Atomic(uint32_t) *turns, *queries;
    /* Missing names denied by the NSEC chain because a compact denial was over the budget. */
    _Atomic(uint32_t) over_budget;
    /* The part of each counter that counters_tell has passed on. */
    uint32_t *turns_told, *queries_told, over_budget_told;
};

/* With one reference, and holding one of the zone state. */
struct counters *counters_new(struct zone_state *zone, uint32_t start);
struct counters *counters_ref(struct counters *counters);
void counters_unref(struct counters *counters);

/* The counters that an answer increments when it is sent; `turn` NULL: none. */
struct counters_due {
    _Atomic(uint32_t) *turn, *query;
};

enum {
    COUNTERS_NO_CELL = UINT16_MAX /* larger than any number of a cell */
};

/* The worker: the next turn of an area, for a client in a cell. If the answer is not sent, the next
 * query gets the same turn. */
static inline uint32_t counters_turn(struct counters *counters, uint16_t area, uint16_t cell,
                                     struct counters_due *due)
{
    due->turn = &counters->turns[area < counters->area_count ? area : counters->area_count];
    due->query = &counters->queries[cell < counters->cell_count ? cell : counters->cell_count];
    return counters->start + atomic_load_explicit(due->turn, memory_order_relaxed);
}

/* There is one writer: no locked instruction is needed, readers only have to see whole numbers. */
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

/* Passes on the counts since the last call. One thread at a time. */
void counters_tell(struct counters *counters, struct traffic *traffic, struct demand *demand,
                   uint64_t now);

#endif
