#include "server/answering/snapshot.h"

/* Reads the change log once, for the cache and for the marks. */
static void read_changes(struct snapshot *snapshot, uint64_t since)
{
    struct change_filter *changed = &snapshot->changed;
    uint64_t hashes[REGISTRY_CHANGES_MAX];
    size_t count = 0;
    bool current = zone_state_is_current(snapshot->zone, snapshot->registry);
    if (registry_changes(snapshot->registry, since, hashes, &count) != RESULT_OK) {
        answer_cache_drop_all(snapshot->cache);
        changed->all = !current;
    }
    for (size_t i = 0; i < count; i++) {
        answer_cache_drop(snapshot->cache, hashes[i]);
        if (!current) {
            changed->marks[hashes[i] % SNAPSHOT_MARKS / 64] |= UINT64_C(1) << hashes[i] % 64;
        }
    }
}

void snapshot_begin(struct snapshot *snapshot)
{
    struct change_filter *changed = &snapshot->changed;
    const struct zone_state *zone = snapshot->zone;
    uint64_t version = store_version(snapshot->registry), since = changed->version;
    answer_cache_use(snapshot->cache, zone, snapshot->now);
    if (changed->zone_number != zone->number) {
        since = zone->registry_version < since ? zone->registry_version : since;
        *changed = (struct change_filter){ .zone_number = zone->number };
    }
    if (since != version) {
        read_changes(snapshot, since);
    }
    changed->version = version;
}

bool snapshot_may_differ(const struct snapshot *snapshot, uint64_t hash)
{
    const struct change_filter *changed = &snapshot->changed;
    return changed->all || (changed->marks[hash % SNAPSHOT_MARKS / 64] >> hash % 64 & 1) != 0;
}
