/* What one worker handed out of one view. The worker counts an SRV answer by its area, whose turn it takes: who was in the answers follows
 * from the turns, since the view's decks say what each turn gives. So an answer costs two counters, the other one being of the client's
 * cell, and no more in a large pool than in a small one.
 *
 * One worker writes; anybody may read at the same time what it has counted. Counted by references, of which the worker has one. */
#ifndef SERVER_TALLY_H
#define SERVER_TALLY_H

#include "server/view.h"
#include "zone/traffic.h"

struct tally {
    atomic_uint refs;
    struct view *view;
    uint32_t start; /* the first turn of every area */
    size_t area_count, cell_count;
    _Atomic(uint32_t) *turns, *queries;  /* by area and by cell, and one more for what has none */
    uint32_t *turns_told, *queries_told; /* of these: what tally_tell has told */
};

/* With one reference, and one of the view. */
struct tally *tally_new(struct view *view, uint32_t start);
struct tally *tally_ref(struct tally *tally);
void tally_unref(struct tally *tally);

/* Has one writer: no locked instruction is needed, only that readers see whole numbers. */
static inline uint32_t tally_count(_Atomic(uint32_t) *counter)
{
    uint32_t before = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, before + 1, memory_order_relaxed);
    return before;
}

/* The worker: the next turn of an area. */
static inline uint32_t tally_turn(struct tally *tally, uint16_t area)
{
    size_t at = area < tally->area_count ? area : tally->area_count;
    return tally->start + tally_count(&tally->turns[at]);
}

/* The worker: somebody asked from a cell. */
static inline void tally_query(struct tally *tally, uint16_t cell)
{
    (void)tally_count(&tally->queries[cell < tally->cell_count ? cell : tally->cell_count]);
}

/* Adds what was counted since the last time. One thread at a time. */
void tally_tell(struct tally *tally, struct traffic *traffic, uint64_t now);

#endif
