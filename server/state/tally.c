#include "server/state/tally.h"

#include <stdlib.h>

static const struct cell *cells_of(const struct view *view, size_t *count)
{
    return locations_cells(view->places == NULL ? NULL : view->places->locations, count);
}

struct tally *tally_new(struct view *view, uint32_t start)
{
    struct tally *tally = xcalloc(1, sizeof(*tally));
    atomic_init(&tally->refs, 1);
    tally->view = view_ref(view);
    tally->start = start;
    tally->area_count = view->deal->area_count;
    (void)cells_of(view, &tally->cell_count);
    tally->turns = xcalloc(tally->area_count + 1, sizeof(*tally->turns));
    tally->queries = xcalloc(tally->cell_count + 1, sizeof(*tally->queries));
    tally->turns_told = xcalloc(tally->area_count, sizeof(*tally->turns_told));
    tally->queries_told = xcalloc(tally->cell_count, sizeof(*tally->queries_told));
    return tally;
}

struct tally *tally_ref(struct tally *tally)
{
    atomic_fetch_add(&tally->refs, 1);
    return tally;
}

void tally_unref(struct tally *tally)
{
    if (tally == NULL || atomic_fetch_sub(&tally->refs, 1) != 1) {
        return;
    }
    view_unref(tally->view);
    free(tally->turns);
    free(tally->queries);
    free(tally->turns_told);
    free(tally->queries_told);
    free(tally);
}

/* What came to a counter since it was told last. */
static uint32_t news(_Atomic(uint32_t) *counter, uint32_t *told)
{
    uint32_t now = atomic_load_explicit(counter, memory_order_relaxed), more = now - *told;
    *told = now;
    return more;
}

/* Counts the members of a deck's sets, dealt one after the other: `turns` of them from number `first` on. */
static void count_sets(const struct deck *deck, uint32_t first, uint32_t turns,
                       struct traffic_count *counts)
{
    for (size_t i = 0; i < deck->count; i++) {
        const struct deck_set *set = &deck->sets[(first + i) % deck->count];
        uint64_t times = turns / deck->count + (i < turns % deck->count ? 1 : 0);
        for (unsigned k = 0; k < set->count; k++) {
            counts[set->members[k]].answers += times;
        }
    }
}

/* Counts each area's turns for the deal's usage, if it is not over, and whom they gave. */
static bool tell_answers(struct tally *tally, struct traffic_count *counts, struct usage *usage)
{
    const struct deal *deal = tally->view->deal;
    bool any = false, current = usage_turn_to(usage, deal->round, deal->area_count);
    for (size_t a = 0; a < tally->area_count; a++) {
        uint32_t first = tally->start + tally->turns_told[a];
        uint32_t turns = news(&tally->turns[a], &tally->turns_told[a]);
        if (turns > 0) {
            count_sets(&deal->hands[a]->deck, first, turns, counts);
            any = true;
        }
        if (current) {
            usage->asked[a] += turns;
        }
    }
    return any;
}

void tally_tell(struct tally *tally, struct traffic *traffic, struct usage *usage, uint64_t now)
{
    const struct roster *roster = &tally->view->deal->roster;
    struct traffic_count *counts = xcalloc(roster->count + 1, sizeof(*counts));
    if (tell_answers(tally, counts, usage)) {
        for (size_t i = 0; i < roster->count; i++) {
            counts[i].member_id = roster->list[i].member_id;
        }
        traffic_add_answers(traffic, counts, roster->count, now);
    }
    free(counts);
    size_t count = 0;
    const struct cell *cells = cells_of(tally->view, &count);
    uint32_t *queries = xcalloc(tally->cell_count, sizeof(*queries));
    for (size_t c = 0; c < tally->cell_count; c++) {
        queries[c] = news(&tally->queries[c], &tally->queries_told[c]);
    }
    traffic_add_queries(traffic, cells, queries, count, now);
    traffic_add_over_budget(traffic, news(&tally->over_budget, &tally->over_budget_told), now);
    free(queries);
}
