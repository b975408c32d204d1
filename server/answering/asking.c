#include "server/answering/asking.h"

static const struct locations *locations_of(const struct snapshot *snapshot)
{
    const struct places *places = snapshot->zone->places;
    return places == NULL ? NULL : places->locations;
}

/* Whose location counts: the client subnet's, else that of the source address (RFC 7871 7.2.1). */
static const struct address *located_address(const struct query *query,
                                             const struct address *source)
{
    const struct client_subnet *subnet = query_subnet(query);
    return subnet != NULL ? &subnet->address : source;
}

struct location asking_locate(const struct snapshot *snapshot, const struct query *query,
                              const struct address *source)
{
    return locations_find(locations_of(snapshot), located_address(query, source));
}

void asking_look(const struct snapshot *snapshot, const struct query *query, struct qname_info *out)
{
    const struct zone_state *zone = snapshot->zone;
    const struct dname *apex = &zone->settings.apex;
    bool internet = query->qclass == RR_CLASS_IN;
    /* The service name exists as long as the zone: no need to look. */
    out->service = internet && query->qtype == RR_SRV && dname_equal(&query->qname, &zone->service);
    out->in_zone = out->service || (internet && dname_under(&query->qname, apex));
    out->missing = false;
    if (out->service || !out->in_zone) {
        return;
    }
    dname_key_of(&out->key, &query->qname, apex);
    out->asked = answer_cache_key_of(&out->key, dname_key_hash(&out->key), query->qtype);
    answer_cache_prefetch(snapshot->cache, &out->asked);
}

void asking_look_up(const struct snapshot *snapshot, struct qname_info *qname)
{
    const struct zone_state *zone = snapshot->zone;
    if (answer_cache_fetch(snapshot->cache, &qname->asked) || qname->key.len == 0) {
        return; /* the apex exists */
    }
    /* If the zone state is older than the transaction: a name added in between has changed the NSEC
     * of the name before it. */
    if (name_index_find(zone->names, &qname->key, &qname->before)) {
        return;
    }
    uint64_t hash = dname_key_hash(&qname->before);
    qname->missing =
        zone_state_is_current(zone, snapshot->registry) || !snapshot_may_differ(snapshot, hash);
    if (qname->missing) {
        qname->covering = answer_cache_key_of(&qname->before, hash, RR_NSEC);
        (void)answer_cache_fetch(snapshot->cache, &qname->covering);
    }
}

static void prefetch_block(const struct block *block)
{
    enum {
        CACHE_LINE = 64
    };
    size_t len = block->len[1];
    for (size_t at = 0; at < len; at += CACHE_LINE) {
        __builtin_prefetch(block->wire + at);
    }
    __builtin_prefetch(block->wire + len - 1); /* the octets may begin anywhere in a line */
}

/* Prefetches what shows whether members of the sets are gone, level by level. */
static void prefetch_members(const struct zone_state *zone, const struct srv_choice *choices,
                             size_t count)
{
    const struct candidate *list = zone->deal->candidates.list;
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(choices[i].set);
    }
    for (size_t i = 0; i < count; i++) {
        const struct deck_set *set = choices[i].set;
        for (unsigned k = 0; set != NULL && k < set->count; k++) {
            __builtin_prefetch(&list[set->members[k]].name);
        }
    }
}

/* Prefetches the sets that the clients will get, again level by level. The turns are those of now:
 * a query of the same area before it in the list takes one more. Two areas with the same remainder
 * make a wrong guess, which only leaves the set where it is. */
static void prefetch_sets(const struct snapshot *snapshot, const struct location *located,
                          size_t count)
{
    const struct zone_state *zone = snapshot->zone;
    enum {
        REMAINDERS = 256
    };
    uint16_t areas[LOCATIONS_AT_ONCE];
    uint8_t ahead[REMAINDERS] = { 0 }; /* queries before, by the remainder of the area */
    struct srv_choice choices[LOCATIONS_AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        areas[i] = steering_area(&zone->deal->shared->steering, located[i].cell);
        if (areas[i] < zone->deal->area_count) {
            __builtin_prefetch(zone->deal->rings[areas[i]]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct counters_due due;
        uint32_t turn = counters_turn(snapshot->counters, areas[i], located[i].cell, &due);
        __builtin_prefetch(due.query, 1);
        turn += ahead[areas[i] % REMAINDERS]++;
        choices[i] = zone_state_srv(zone, areas[i], turn);
        if (choices[i].set != NULL) {
            __builtin_prefetch(choices[i].block);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (choices[i].set != NULL) {
            prefetch_block(choices[i].block);
        }
    }
    if (!zone_state_is_current(zone, snapshot->registry)) {
        prefetch_members(zone, choices, count);
    }
}

void asking_locate_services(const struct snapshot *snapshot, const struct asking *list,
                            size_t count)
{
    const struct address *addresses[LOCATIONS_AT_ONCE];
    struct location located[LOCATIONS_AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        addresses[i] = located_address(list[i].query, list[i].source);
    }
    locations_find_many(locations_of(snapshot), addresses, count, located);
    for (size_t i = 0; i < count; i++) {
        list[i].qname->location = located[i];
    }
    prefetch_sets(snapshot, located, count);
}
