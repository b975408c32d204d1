#include "server/state/counters.h"

#include <stdlib.h>

static const struct cell *cells_of(const struct zone_state *zone, size_t *count)
{
    return locations_cells(zone->places == NULL ? NULL : zone->places->locations, count);
}

struct counters *counters_new(struct zone_state *zone, uint32_t start)
{
    struct counters *counters = xcalloc(1, sizeof(*counters));
    atomic_init(&counters->refs, 1);
    counters->zone = zone_state_ref(zone);
    counters->start = start;
    counters->area_count = zone->deal->area_count;
    (void)cells_of(zone, &counters->cell_count);
    counters->turns = xcalloc(counters->area_count + 1, sizeof(*counters->turns));
    counters->queries = xcalloc(counters->cell_count + 1, sizeof(*counters->queries));
    counters->turns_told = xcalloc(counters->area_count, sizeof(*counters->turns_told));
    counters->queries_told = xcalloc(counters->cell_count, sizeof(*counters->queries_told));
    return counters;
}

struct counters *counters_ref(struct counters *counters)
{
    atomic_fetch_add(&counters->refs, 1);
    return counters;
}

void counters_unref(struct counters *counters)
{
    if (counters == NULL || atomic_fetch_sub(&counters->refs, 1) != 1) {
        return;
    }
    zone_state_unref(counters->zone);
    free(counters->turns);
    free(counters->queries);
    free(counters->turns_told);
    free(counters->queries_told);
    free(counters);
}

/* The increase of a counter since it was last passed on. Writes only if there is one: cells without
 * queries take no memory. */
static uint32_t growth(_Atomic(uint32_t) *counter, uint32_t *told)
{
    uint32_t now = atomic_load_explicit(counter, memory_order_relaxed), more = now - *told;
    if (more != 0) {
        *told = now;
    }
    return more;
}

/* Counts the members of `turns` sets of a deck, one set after the other from number `first` on. */
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

/* Counts the members that the turns of each area gave, and the turns for the demand unless that is
 * of a newer deal. Returns the number of turns. */
static uint64_t tell_answers(struct counters *counters, struct traffic_count *counts,
                             struct demand *demand)
{
    const struct deal *deal = counters->zone->deal;
    uint64_t all = 0;
    bool current = demand_turn_to(demand, deal->round, deal->area_count);
    for (size_t a = 0; a < counters->area_count; a++) {
        uint32_t first = counters->start + counters->turns_told[a];
        uint32_t turns = growth(&counters->turns[a], &counters->turns_told[a]);
        if (turns > 0) {
            count_sets(&deal->rings[a]->deck, first, turns, counts);
            all += turns;
        }
        if (current) {
            demand->asked[a] += turns;
        }
    }
    return all;
}

void counters_tell(struct counters *counters, struct traffic *traffic, struct demand *demand,
                   uint64_t now)
{
    const struct candidates *candidates = &counters->zone->deal->candidates;
    struct traffic_count *counts = xcalloc(candidates->count + 1, sizeof(*counts));
    uint64_t answers = tell_answers(counters, counts, demand);
    if (answers > 0) {
        for (size_t i = 0; i < candidates->count; i++) {
            counts[i].member_id = candidates->list[i].member_id;
        }
        traffic_add_answers(traffic, counts, candidates->count, now);
        traffic_add_totals(traffic, 0, answers, now);
    }
    free(counts);
    size_t count = 0;
    const struct cell *cells = cells_of(counters->zone, &count);
    uint32_t *queries = xcalloc(counters->cell_count, sizeof(*queries));
    for (size_t c = 0; c < counters->cell_count; c++) {
        queries[c] = growth(&counters->queries[c], &counters->queries_told[c]);
    }
    traffic_add_queries(traffic, cells, queries, count, now);
    traffic_add_over_budget(traffic, growth(&counters->over_budget, &counters->over_budget_told),
                            now);
    free(queries);
}
