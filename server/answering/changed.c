#include "server/answering/changed.h"

void changed_follow(struct changed *changed, const struct view *view, struct store_txn *registry)
{
    uint64_t list[REGISTRY_CHANGES_MAX], version = store_version(registry);
    size_t count = 0;
    if (changed->view_number == view->number && changed->version == version) {
        return;
    }
    *changed = (struct changed){ .view_number = view->number, .version = version };
    if (!view_is_current(view, registry)) {
        changed->all =
            registry_changes(registry, view->registry_version, list, &count) != RESULT_OK;
    }
    for (size_t i = 0; i < count; i++) {
        changed->marks[list[i] % CHANGED_MARKS / 64] |= UINT64_C(1) << list[i] % 64;
    }
}

bool changed_may_be(const struct changed *changed, uint64_t hash)
{
    return changed->all || (changed->marks[hash % CHANGED_MARKS / 64] >> hash % 64 & 1) != 0;
}
