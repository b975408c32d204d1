/* Memory for entries of the answer cache, in pieces of whole cache lines. All workers share it
 * without a lock: each claims a page at a time, and uses again what it gave back itself, once no
 * worker can be reading it (zone/base/epochs.h). */
#ifndef SERVER_ANSWER_HEAP_H
#define SERVER_ANSWER_HEAP_H

#include "zone/base/epochs.h"

enum {
    ANSWER_HEAP_LINE = 64,
    ANSWER_HEAP_LINES = 6,       /* of the longest piece */
    ANSWER_HEAP_BITS = 24,       /* of a line's number: at most 1 GiB */
    ANSWER_HEAP_PAGE_LINES = 64, /* claimed at once, for pieces of one length */
    ANSWER_HEAP_RETIRED = 16     /* pieces given back, before they are waited for together */
};

/* The first line of each piece begins with the head; only the owner of a piece that is not in use
 * touches it. */
struct answer_heap_piece {
    uint32_t next; /* line number, in a list; 0: the last */
};

struct answer_heap {
    struct epochs *epochs;
    size_t lines;       /* the bound */
    atomic_size_t used; /* lines claimed; line 0 is never used */
    uint8_t *memory;
};

/* What one worker has of pieces of one length. */
struct answer_heap_stock {
    uint32_t fresh, fresh_end; /* lines of its page that were never used */
    /* Lists of pieces: that nobody reads; that somebody may read who entered before `stamp`; and
     * those given back since. */
    uint32_t ready, waiting, retired;
    unsigned retired_count;
    uint64_t stamp;
    uint64_t looked; /* the batch in which it last looked at the readers */
};

/* One worker's part. */
struct answer_heap_share {
    struct answer_heap *heap;
    struct epochs_seat *seat;
    uint64_t batch;
    struct answer_heap_stock stocks[ANSWER_HEAP_LINES + 1]; /* by length in lines */
};

/* Memory of at most `lines` lines, and a page of each length for each worker. */
void answer_heap_init(struct answer_heap *heap, size_t lines, size_t workers);
void answer_heap_done(struct answer_heap *heap);
size_t answer_heap_octets(const struct answer_heap *heap);
size_t answer_heap_taken(const struct answer_heap *heap);
void answer_heap_join(struct answer_heap_share *share, struct answer_heap *heap);

static inline void *answer_heap_at(const struct answer_heap *heap, size_t line)
{
    return heap->memory + line * ANSWER_HEAP_LINE;
}

/* Around all reads of pieces, and the functions below. */
static inline void answer_heap_enter(struct answer_heap_share *share)
{
    share->batch++;
    epochs_enter(share->heap->epochs, share->seat);
}

static inline void answer_heap_leave(const struct answer_heap_share *share)
{
    epochs_leave(share->seat);
}

/* The number of the first line of a piece; 0: there is none now. */
uint32_t answer_heap_take(struct answer_heap_share *share, unsigned lines);
/* A piece that nobody has seen. */
void answer_heap_return(struct answer_heap_share *share, uint32_t line, unsigned lines);
/* A piece that nobody can find any more, but that workers may be reading. */
void answer_heap_retire(struct answer_heap_share *share, uint32_t line, unsigned lines);

#endif
