#include "server/answering/answer_heap.h"

#include "zone/base/pages.h"
#include "zone/base/result.h"

void answer_heap_init(struct answer_heap *heap, size_t lines, size_t workers)
{
    heap->lines = lines + workers * ANSWER_HEAP_LINES * ANSWER_HEAP_PAGE_LINES;
    ASSERT(heap->lines <= (size_t)1 << ANSWER_HEAP_BITS);
    atomic_init(&heap->used, ANSWER_HEAP_PAGE_LINES);
    heap->memory = pages_new(answer_heap_octets(heap), true);
    heap->epochs = epochs_new(workers);
}

void answer_heap_done(struct answer_heap *heap)
{
    pages_free(heap->memory, answer_heap_octets(heap));
    epochs_free(heap->epochs);
}

size_t answer_heap_octets(const struct answer_heap *heap)
{
    return heap->lines * ANSWER_HEAP_LINE;
}

size_t answer_heap_taken(const struct answer_heap *heap)
{
    size_t used = atomic_load_explicit(&heap->used, memory_order_relaxed);
    return (used < heap->lines ? used : heap->lines) * ANSWER_HEAP_LINE;
}

void answer_heap_join(struct answer_heap_share *share, struct answer_heap *heap)
{
    *share = (struct answer_heap_share){ heap, epochs_take_seat(heap->epochs), 0, { { 0 } } };
}

static void push(const struct answer_heap *heap, uint32_t *list, uint32_t line)
{
    struct answer_heap_piece *piece = answer_heap_at(heap, line);
    piece->next = *list;
    *list = line;
}

static uint32_t pop(const struct answer_heap *heap, uint32_t *list)
{
    uint32_t line = *list;
    const struct answer_heap_piece *piece = answer_heap_at(heap, line);
    *list = piece->next;
    return line;
}

/* Once a batch at most, when all that was ready is used up. */
static void look_at_waiting(const struct answer_heap_share *share, struct answer_heap_stock *stock)
{
    struct epochs *epochs = share->heap->epochs;
    if (stock->waiting != 0 && stock->looked != share->batch) {
        stock->looked = share->batch;
        if (stock->stamp < epochs_passed(epochs)) {
            stock->ready = stock->waiting;
            stock->waiting = 0;
        }
    }
    if (stock->waiting == 0 && stock->retired_count >= ANSWER_HEAP_RETIRED) {
        stock->waiting = stock->retired;
        stock->retired = 0;
        stock->retired_count = 0;
        stock->stamp = epochs_stamp(epochs);
    }
}

/* True if there is a fresh piece. Claims a page if need be. */
static bool is_fresh(struct answer_heap *heap, struct answer_heap_stock *stock, unsigned lines)
{
    if (stock->fresh_end - stock->fresh >= lines) {
        return true;
    }
    if (atomic_load_explicit(&heap->used, memory_order_relaxed) >= heap->lines) {
        return false;
    }
    size_t begin =
        atomic_fetch_add_explicit(&heap->used, ANSWER_HEAP_PAGE_LINES, memory_order_relaxed);
    if (begin + ANSWER_HEAP_PAGE_LINES > heap->lines) {
        return false;
    }
    stock->fresh = (uint32_t)begin;
    stock->fresh_end = (uint32_t)(begin + ANSWER_HEAP_PAGE_LINES);
    return true;
}

uint32_t answer_heap_take(struct answer_heap_share *share, unsigned lines)
{
    struct answer_heap *heap = share->heap;
    struct answer_heap_stock *stock = &share->stocks[lines];
    ASSERT(lines > 0 && lines <= ANSWER_HEAP_LINES);
    if (stock->ready == 0) {
        look_at_waiting(share, stock);
    }
    if (stock->ready != 0) {
        return pop(heap, &stock->ready);
    }
    if (is_fresh(heap, stock, lines)) {
        stock->fresh += lines;
        return stock->fresh - lines;
    }
    return 0;
}

void answer_heap_return(struct answer_heap_share *share, uint32_t line, unsigned lines)
{
    push(share->heap, &share->stocks[lines].ready, line);
}

void answer_heap_retire(struct answer_heap_share *share, uint32_t line, unsigned lines)
{
    struct answer_heap_stock *stock = &share->stocks[lines];
    push(share->heap, &stock->retired, line);
    stock->retired_count++;
}
