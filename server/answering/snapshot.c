#include "server/answering/snapshot.h"

static void tell_cache(struct snapshot *snapshot)
{
    uint64_t hashes[REGISTRY_CHANGES_MAX];
    size_t count = 0;
    uint64_t known = answer_cache_known(snapshot->cache);
    if (registry_changes(snapshot->registry, known, hashes, &count) != RESULT_OK) {
        answer_cache_all_changed(snapshot->cache);
    }
    for (size_t i = 0; i < count; i++) {
        answer_cache_changed(snapshot->cache, hashes[i]);
    }
    answer_cache_told(snapshot->cache);
}

/* Marks the names that changed in versions that are later than both that of the zone state and that
 * up to which names are marked. */
static void mark_changes(struct snapshot *snapshot)
{
    struct change_filter *changed = &snapshot->changed;
    const struct zone_state *zone = snapshot->zone;
    uint64_t hashes[REGISTRY_CHANGES_MAX];
    size_t count = 0;
    if (changed->zone_number != zone->number) {
        *changed = (struct change_filter){ .zone_number = zone->number,
                                           .version = zone->registry_version };
    }
    if (zone_state_is_current(zone, snapshot->registry) ||
        changed->version == store_version(snapshot->registry)) {
        return;
    }
    changed->all = changed->all || registry_changes(snapshot->registry, changed->version, hashes,
                                                    &count) != RESULT_OK;
    for (size_t i = 0; i < count; i++) {
        changed->marks[hashes[i] % SNAPSHOT_MARKS / 64] |= UINT64_C(1) << hashes[i] % 64;
    }
    changed->version = store_version(snapshot->registry);
}

void snapshot_begin(struct snapshot *snapshot)
{
    uint64_t version = store_version(snapshot->registry);
    answer_cache_begin(snapshot->cache, snapshot->zone, version, snapshot->now);
    if (answer_cache_known(snapshot->cache) < version) {
        tell_cache(snapshot);
    }
    mark_changes(snapshot);
}

void snapshot_end(struct snapshot *snapshot)
{
    answer_cache_end(snapshot->cache);
}

bool snapshot_may_differ(const struct snapshot *snapshot, uint64_t hash)
{
    const struct change_filter *changed = &snapshot->changed;
    return changed->all || (changed->marks[hash % SNAPSHOT_MARKS / 64] >> hash % 64 & 1) != 0;
}
