#include "server/answering/change_filter.h"

void change_filter_follow(struct change_filter *changed, const struct zone_state *zone,
                          struct store_txn *registry)
{
    uint64_t list[REGISTRY_CHANGES_MAX], version = store_version(registry);
    size_t count = 0;
    if (changed->zone_state_number == zone->number && changed->version == version) {
        return;
    }
    *changed = (struct change_filter){ .zone_state_number = zone->number, .version = version };
    if (!zone_state_is_current(zone, registry)) {
        changed->all =
            registry_changes(registry, zone->registry_version, list, &count) != RESULT_OK;
    }
    for (size_t i = 0; i < count; i++) {
        changed->marks[list[i] % CHANGE_FILTER_MARKS / 64] |= UINT64_C(1) << list[i] % 64;
    }
}

bool change_filter_may_be(const struct change_filter *changed, uint64_t hash)
{
    return changed->all || (changed->marks[hash % CHANGE_FILTER_MARKS / 64] >> hash % 64 & 1) != 0;
}
